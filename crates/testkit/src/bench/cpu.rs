//! What a process has cost.

use std::{collections::HashMap, fs};

/// Linux counts processor time in hundredths of a second on every architecture that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

struct Stat {
    parent: u32,
    /// Its own time and that of children that have ended.
    ticks: u64,
}

/// Seconds of processor time that a process and its descendants have used since they started; those that have ended
/// are counted if they were waited for. Zero where there is no `/proc`.
pub fn cpu_seconds(id: u32) -> f64 {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let all: HashMap<u32, Stat> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|id: u32| Some((id, stat(id)?)))
        .collect();
    let descends = |mut one: u32| {
        // A process may end while we look, and its id be used again: no chain is longer than there are processes.
        for _ in 0..all.len() {
            if one == id {
                return true;
            }
            let Some(stat) = all.get(&one) else { return false };
            one = stat.parent;
        }
        false
    };
    let ticks: u64 = all.iter().filter(|(one, _)| descends(**one)).map(|(_, stat)| stat.ticks).sum();
    ticks as f64 / TICKS_PER_SECOND
}

fn stat(id: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, may hold spaces. Behind it: state, parent, …, utime, stime, cutime, cstime from the 12th.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Stat { parent: fields.get(1)?.parse().ok()?, ticks })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{hint::black_box, process, time::Instant};

    use super::*;

    #[test]
    fn work_is_counted_and_strangers_are_not() {
        let before = cpu_seconds(process::id());
        let began = Instant::now();
        while began.elapsed().as_secs_f64() < 10.0 && cpu_seconds(process::id()) < before + 0.2 {
            black_box((0..100_000u64).sum::<u64>());
        }
        assert!(cpu_seconds(process::id()) >= before + 0.2);
        assert!(cpu_seconds(u32::MAX) == 0.0);
    }
}
