//! Resident memory of each process over time, under a steady load.

use std::{collections::BTreeMap, time::Duration};

use eyre::OptionExt;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{rig::Rig, stats::slope};
use crate::chaos::resident_bytes;

const SAMPLE: Duration = Duration::from_secs(15);
/// Caches and pools fill first.
const WARM_UP: Duration = Duration::from_secs(300);

/// One process.
#[derive(Debug, Clone)]
pub struct MemoryLine {
    /// Its name.
    pub name: String,
    /// Minutes, and MB (10^6 bytes) then.
    pub samples: Vec<(f64, f64)>,
    /// At the end, in MB.
    pub last_mb: f64,
    /// The most, in MB.
    pub most_mb: f64,
    /// MB per hour, once it was warm.
    pub slope_mb_per_hour: f64,
}

/// Pays `per_second` transfers on all lanes for `length`, and looks at every process meanwhile.
pub(crate) async fn memory(
    rig: &mut Rig,
    per_second: usize,
    length: Duration,
) -> eyre::Result<Vec<MemoryLine>> {
    let (lanes, accounts) = (rig.lanes(), rig.accounts()?);
    let began = Instant::now();
    let mut samples: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due = Instant::now();
    let mut lane = 0;
    while began.elapsed() < length {
        ticks.tick().await;
        let (from, to) = lanes[lane % lanes.len()];
        lane += 1;
        let call = rig.payment(from, to, per_second);
        accounts[from].burst(rig.payer(from), &[call]).await?;
        if Instant::now() >= due {
            due += SAMPLE;
            let minutes = began.elapsed().as_secs_f64() / 60.0;
            for process in rig.devnet.processes.values() {
                let id = process.id().ok_or_eyre("a process has ended")?;
                samples
                    .entry(process.name().to_owned())
                    .or_default()
                    .push((minutes, resident_bytes(id)? as f64 / 1e6));
            }
        }
    }
    let warm = WARM_UP.as_secs_f64() / 60.0;
    let lines = samples.into_iter().map(|(name, samples)| {
        let late: Vec<(f64, f64)> = samples.iter().filter(|(at, _)| *at >= warm).copied().collect();
        let last_mb = samples.last().map_or(0.0, |sample| sample.1);
        let most_mb = samples.iter().fold(0.0, |most: f64, sample| most.max(sample.1));
        MemoryLine { name, last_mb, most_mb, slope_mb_per_hour: slope(&late) * 60.0, samples }
    });
    Ok(lines.collect())
}
