//! What a machine does to processes: stops them all at once, fills their disks.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use eyre::{WrapErr, bail, ensure};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid},
};

/// A process and all that it started, by `/proc`.
pub(super) fn family(parent: u32) -> eyre::Result<Vec<Pid>> {
    let mut family = vec![Pid::from_raw(i32::try_from(parent)?)];
    for entry in fs::read_dir("/proc").wrap_err("this needs Linux")? {
        let Ok(id) = entry?.file_name().to_string_lossy().parse::<i32>() else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        // After the name, which is in parentheses and may hold anything: state, parent.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        if after.split_whitespace().nth(1) == Some(&parent.to_string()) {
            family.push(Pid::from_raw(id));
        }
    }
    Ok(family)
}

/// Sends a signal to each; one that has ended meanwhile is passed over.
pub(super) fn signal(processes: &[Pid], signal: Signal) -> eyre::Result<()> {
    for process in processes {
        match kill(*process, signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => bail!("cannot send {signal} to {process}: {error}"),
        }
    }
    Ok(())
}

/// Resident memory of a process, in bytes.
///
/// # Errors
/// If there is no such process, or this is no Linux.
pub fn resident_bytes(process: u32) -> eyre::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).wrap_err("this needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes * 1024).ok_or_else(|| eyre::eyre!("no VmRSS of process {process}"))
}

/// Copies a folder with its owners and permissions.
pub(super) fn copy(from: &Path, to: &Path) -> eyre::Result<()> {
    run(Command::new("cp").arg("-a").arg(from).arg(to))
}

fn run(command: &mut Command) -> eyre::Result<()> {
    let output = command.output().wrap_err_with(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// A small disk of memory, mounted until it is dropped. Only root may.
pub(super) struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// Why there can be none here.
    pub(super) fn impossible() -> Option<String> {
        let can = cfg!(target_os = "linux") && Uid::effective().is_root();
        (!can).then(|| "a small disk can be mounted by root on Linux alone".to_owned())
    }

    pub(super) fn mount(at: &Path, megabytes: u64) -> eyre::Result<Self> {
        fs::create_dir_all(at)?;
        let size = format!("size={megabytes}m");
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "icc-chaos"]).arg(at))?;
        Ok(Self { at: at.to_owned() })
    }

    /// Leaves no byte free.
    pub(super) fn fill(&self) -> eyre::Result<()> {
        use std::io::Write;
        let mut ballast = fs::File::create(self.at.join("ballast"))?;
        for size in [1 << 20, 4096, 1] {
            let chunk = vec![0u8; size];
            while ballast.write_all(&chunk).is_ok() {}
        }
        Ok(())
    }

    /// Gives the room back.
    pub(super) fn free(&self) -> eyre::Result<()> {
        Ok(fs::remove_file(self.at.join("ballast"))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there keeps it until he ends.
        if let Err(error) = run(Command::new("umount").arg("-l").arg(&self.at)) {
            tracing::warn!(%error, "a small disk stays mounted");
        }
    }
}
