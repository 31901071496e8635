//! A PostgreSQL server of the devnet's own.

use std::{
    fs,
    io::Write,
    os::unix::{
        fs::{PermissionsExt, chown, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use eyre::{OptionExt, WrapErr, bail};
use nix::unistd::{Uid, User};
use tokio::{net::TcpStream, time::sleep};

use crate::{
    guard::Guard,
    ports::free_port,
    process::{Managed, Recipe},
    tools::{self, PostgresBinaries},
};

/// A running server.
pub struct Postgres {
    /// The process.
    pub process: Managed,
    port: u16,
    bin: PathBuf,
    data: PathBuf,
    user: Option<(u32, u32)>,
    environment: Vec<(String, String)>,
}

impl Postgres {
    /// Makes a database cluster in `folder` and starts a server on a free port.
    pub(crate) async fn start(folder: &Path, guard: &Guard) -> eyre::Result<Self> {
        let data = folder.join("postgres");
        let user = unprivileged_user()?;
        prepare_folder(&data, user)?;
        let (bin, libraries) = match tools::postgres()? {
            PostgresBinaries::Installed(bin) => (bin, None),
            PostgresBinaries::Npm(native) => {
                let copy = folder.join("postgres-binaries");
                copy_npm_binaries(&native, &copy)?;
                (copy.join("bin"), Some(copy.join("lib")))
            }
        };
        let environment: Vec<(String, String)> = libraries
            .map(|lib| vec![("LD_LIBRARY_PATH".to_owned(), lib.display().to_string())])
            .unwrap_or_default();
        initialise(&bin, &data, user, &environment)?;
        let port = free_port()?;
        let recipe = Recipe {
            name: "postgres".to_owned(),
            program: bin.join("postgres"),
            arguments: arguments(&data, port),
            environment: environment.clone(),
            user,
            input: None,
            log: folder.join("postgres.log"),
        };
        let process = Managed::start(recipe, guard)?;
        let mut postgres = Self { process, port, bin, data, user, environment };
        postgres.wait().await?;
        Ok(postgres)
    }

    /// Where its data is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Starts the server again, also where the last one has not let go of its memory yet.
    ///
    /// # Errors
    /// If it does not take connections after several tries.
    pub async fn start_again(&mut self) -> eyre::Result<()> {
        let mut outcome = Ok(());
        for _ in 0..10 {
            self.process.restart()?;
            outcome = self.wait().await;
            if outcome.is_ok() {
                // One that dies does so at once.
                sleep(Duration::from_millis(300)).await;
                outcome = self.process.check();
            }
            if outcome.is_ok() {
                break;
            }
            sleep(Duration::from_millis(500)).await;
        }
        outcome
    }

    /// Runs SQL on the stopped server's data, without a server.
    ///
    /// # Errors
    /// If it is refused.
    pub fn alter_stopped(&self, sql: &str) -> eyre::Result<()> {
        let mut command = Command::new(self.bin.join("postgres"));
        command
            .args(["--single", "-D"])
            .arg(&self.data)
            .args(["-c", "exit_on_error=true", "postgres"])
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .current_dir(&self.data)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        let mut child = command.spawn().wrap_err("cannot run postgres --single")?;
        if let Some(mut stdin) = child.stdin.take() {
            writeln!(stdin, "{}", sql.replace('\n', " "))?;
        }
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() || said.contains("ERROR") {
            bail!("postgres --single: {}", said.trim());
        }
        Ok(())
    }

    /// The URL of its database.
    pub fn url(&self) -> String {
        format!("postgres://icc@127.0.0.1:{}/postgres", self.port)
    }

    /// Throws everything away and begins with an empty database on the same port.
    ///
    /// # Errors
    /// If the server does not start again.
    pub async fn recreate(&mut self) -> eyre::Result<()> {
        self.process.stop(Duration::from_secs(10));
        fs::remove_dir_all(&self.data)?;
        prepare_folder(&self.data, self.user)?;
        initialise(&self.bin, &self.data, self.user, &self.environment)?;
        let _ = fs::remove_file(self.process.log());
        self.process.restart()?;
        self.wait().await
    }

    /// Waits until it takes connections.
    ///
    /// # Errors
    /// If it ends, or does not within 20 s.
    pub async fn wait(&mut self) -> eyre::Result<()> {
        for _ in 0..400 {
            self.process.check()?;
            let log = fs::read_to_string(self.process.log()).unwrap_or_default();
            if log.contains("ready to accept connections")
                && TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()
            {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("PostgreSQL does not take connections; see {}", self.process.log().display())
    }
}

fn arguments(data: &Path, port: u16) -> Vec<String> {
    let mut arguments = vec!["-D".to_owned(), data.display().to_string(), "-p".to_owned(), port.to_string()];
    for setting in [
        format!("unix_socket_directories={}", data.display()),
        "listen_addresses=127.0.0.1".to_owned(),
        "max_connections=100".to_owned(),
        "shared_buffers=64MB".to_owned(),
    ] {
        arguments.extend(["-c".to_owned(), setting]);
    }
    arguments
}

fn prepare_folder(data: &Path, user: Option<(u32, u32)>) -> eyre::Result<()> {
    fs::create_dir_all(data)?;
    fs::set_permissions(data, fs::Permissions::from_mode(0o700))?;
    if let Some((user, group)) = user {
        chown(data, Some(user), Some(group))?;
    }
    Ok(())
}

fn initialise(
    bin: &Path,
    data: &Path,
    user: Option<(u32, u32)>,
    environment: &[(String, String)],
) -> eyre::Result<()> {
    let mut command = Command::new(bin.join("initdb"));
    command
        .args(["-U", "icc", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "-D"])
        .arg(data)
        .envs(environment.iter().map(|(key, value)| (key, value)))
        .current_dir(data);
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    let output = command.output().wrap_err("cannot run initdb")?;
    if !output.status.success() {
        bail!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// PostgreSQL refuses to run as root: another user then.
fn unprivileged_user() -> eyre::Result<Option<(u32, u32)>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some((user.uid.as_raw(), user.gid.as_raw())));
        }
    }
    None.ok_or_eyre("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

/// Copies npm's package to where any user can read it, with the library links that its install script would make.
fn copy_npm_binaries(native: &Path, to: &Path) -> eyre::Result<()> {
    copy_folder(native, to)?;
    let links = fs::read_to_string(native.join("pg-symlinks.json")).unwrap_or_else(|_| "[]".to_owned());
    let links: Vec<serde_json::Value> = serde_json::from_str(&links)?;
    for link in links {
        let (Some(source), Some(target)) = (link["source"].as_str(), link["target"].as_str()) else {
            continue;
        };
        let (Some(source), Some(target)) = (source.strip_prefix("native/"), target.strip_prefix("native/"))
        else {
            continue;
        };
        let target = to.join(target);
        if !target.exists() {
            symlink(to.join(source), target)?;
        }
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> eyre::Result<()> {
    fs::create_dir_all(to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target: PathBuf = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
