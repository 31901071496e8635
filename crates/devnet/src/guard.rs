//! Ends what the devnet started when the devnet itself is killed. The guard is a process that reads process ids from
//! a pipe; when the pipe breaks, its owner is gone, and whatever of those still runs is ended: those processes and
//! nothing else, told apart from later ones with the same id by their start time.

use std::{
    io::{BufRead, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// The owner's end of the pipe.
#[derive(Clone)]
pub(crate) struct Guard(Arc<Mutex<Running>>);

struct Running {
    pipe: Option<ChildStdin>,
    child: Child,
}

impl Guard {
    /// Starts `icc devnet-guard`.
    pub(crate) fn start(icc: &Path) -> eyre::Result<Self> {
        let mut child = Command::new(icc)
            .arg("devnet-guard")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pipe = child.stdin.take();
        Ok(Self(Arc::new(Mutex::new(Running { pipe, child }))))
    }

    /// Has a process ended if its owner is.
    pub(crate) fn watch(&self, id: u32) {
        let started = start_time(id).unwrap_or_default();
        if let Ok(mut running) = self.0.lock()
            && let Some(pipe) = &mut running.pipe
            && let Err(error) = writeln!(pipe, "{id} {started}")
        {
            tracing::warn!(%error, "the guard is gone; a kill would leave processes behind");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.pipe = None;
        let _ = self.child.wait();
    }
}

/// The guard process: waits for the end of standard input.
pub fn guard_main() {
    let mut watched: Vec<(i32, String)> = Vec::new();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Some((id, started)) = line.split_once(' ') else { continue };
        if let Ok(id) = id.parse() {
            watched.push((id, started.to_owned()));
        }
    }
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let mut any = false;
        for (id, started) in &watched {
            let still = u32::try_from(*id).ok().and_then(start_time).is_some_and(|now| now == *started);
            if still && kill(Pid::from_raw(*id), signal).is_ok() {
                any = true;
            }
        }
        if !any {
            return;
        }
        std::thread::sleep(Duration::from_secs(2));
    }
}

/// What tells a process from a later one with the same id: its start time in ticks (Linux), as `ps` shows it elsewhere.
fn start_time(id: u32) -> Option<String> {
    if let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) {
        // The name, in parentheses, may hold spaces; field 22 is the 20th after it.
        return stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(str::to_owned);
    }
    let output = Command::new("ps").args(["-o", "lstart=", "-p", &id.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}
