//! Processes that end with their owner.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use eyre::{WrapErr, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::guard::Guard;

/// How a process is started, so that it can be started again.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// User and group to run as.
    pub(crate) user: Option<(u32, u32)>,
    /// Written to standard input, which is then closed.
    pub(crate) input: Option<String>,
    pub(crate) log: PathBuf,
}

/// A running process. Dropping it ends it.
pub struct Managed {
    recipe: Recipe,
    child: Option<Child>,
    guard: Guard,
}

impl Managed {
    pub(crate) fn start(recipe: Recipe, guard: &Guard) -> eyre::Result<Self> {
        let mut managed = Self { recipe, child: None, guard: guard.clone() };
        managed.restart()?;
        Ok(managed)
    }

    /// Starts the process again, the same way; ends it first if it runs.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn restart(&mut self) -> eyre::Result<()> {
        self.stop(Duration::from_secs(5));
        let recipe = &self.recipe;
        let log = OpenOptions::new().create(true).append(true).open(&recipe.log)?;
        let mut command = Command::new(&recipe.program);
        command
            .args(&recipe.arguments)
            .envs(recipe.environment.iter().map(|(key, value)| (key, value)))
            .stdin(if recipe.input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(log.try_clone()?)
            .stderr(log)
            // Its own group: a Ctrl-C in the terminal is for the owner, which then ends it.
            .process_group(0);
        if let Some((user, group)) = recipe.user {
            command.uid(user).gid(group);
        }
        let mut child = command
            .spawn()
            .wrap_err_with(|| format!("cannot start {} ({})", recipe.name, recipe.program.display()))?;
        self.guard.watch(child.id());
        if let (Some(input), Some(mut stdin)) = (&recipe.input, child.stdin.take()) {
            stdin.write_all(input.as_bytes())?;
        }
        self.child = Some(child);
        Ok(())
    }

    /// As [`Managed::restart`], with more arguments this time alone.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn restart_with(&mut self, more: &[&str]) -> eyre::Result<()> {
        let usual = self.recipe.arguments.clone();
        self.recipe.arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let started = self.restart();
        self.recipe.arguments = usual;
        started
    }

    /// Waits until it has ended by itself; whether it ended well.
    ///
    /// # Errors
    /// If it still runs after `patience`.
    pub fn wait_end(&mut self, patience: Duration) -> eyre::Result<bool> {
        let began = Instant::now();
        let Some(child) = &mut self.child else { bail!("{} is not running", self.recipe.name) };
        while began.elapsed() < patience {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("{} still runs after {patience:?}", self.recipe.name)
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.recipe.name
    }

    /// Where it logs.
    pub fn log(&self) -> &Path {
        &self.recipe.log
    }

    /// Fails if it has ended, with the end of its log.
    ///
    /// # Errors
    /// If it has ended.
    pub fn check(&mut self) -> eyre::Result<()> {
        let ended = match &mut self.child {
            Some(child) => child.try_wait()?,
            None => bail!("{} is not running", self.recipe.name),
        };
        let Some(status) = ended else { return Ok(()) };
        let log = std::fs::read_to_string(&self.recipe.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(8)..].join("\n");
        bail!("{} ended with {status}; the end of {}:\n{last}", self.recipe.name, self.recipe.log.display())
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to end, and ends it after `patience`.
    pub fn stop(&mut self, patience: Duration) {
        let Some(child) = &mut self.child else { return };
        if let Ok(id) = i32::try_from(child.id()) {
            // PostgreSQL takes SIGINT as "disconnect everybody and end".
            let signal = if self.recipe.name == "postgres" { Signal::SIGINT } else { Signal::SIGTERM };
            let _ = kill(Pid::from_raw(id), signal);
        }
        let began = Instant::now();
        while began.elapsed() < patience {
            if !matches!(child.try_wait(), Ok(None)) {
                self.child = None;
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill();
    }
}

impl Drop for Managed {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(3));
    }
}
