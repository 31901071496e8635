//! How delay and cost grow with chains and with validators.

use std::time::Duration;

use icc_devnet::DevnetOptions;

use super::{
    latency::{Latency, latency},
    rig::{self, Rig},
};

/// Numbers of chains, with four validators.
const CHAINS: [usize; 3] = [3, 6, 12];
/// Numbers of validators, with three chains.
const VALIDATORS: [usize; 4] = [4, 7, 13, 19];
/// Deposits of each run.
const DEPOSITS: usize = 36;

/// One size of a bridge.
#[derive(Debug, Clone)]
pub struct SizeRun {
    /// Chains.
    pub chains: usize,
    /// Validators.
    pub validators: usize,
    /// Seconds from block to block of each chain.
    pub block_seconds: u64,
    /// What was measured.
    pub latency: Latency,
    /// Processor seconds while nothing was sent, per second: of the bridge, and of everything.
    pub idle: (f64, f64),
    /// Processor seconds per transfer beyond that: of the bridge, and of everything.
    pub per_transfer: (f64, f64),
}

/// Sizes that are measured: (chains, validators, seconds from block to block).
pub(super) fn sizes() -> Vec<(usize, usize, u64)> {
    let [least, more, most] = CHAINS;
    let chains = [(least, 1), (more, 1), (most, 1)].map(|(chains, seconds)| (chains, VALIDATORS[0], seconds));
    // As many blocks a second as with the fewest chains: what is left of a difference is not the machine's.
    let as_busy = (most, VALIDATORS[0], (most / least) as u64);
    let validators = VALIDATORS.into_iter().skip(1).map(|validators| (least, validators, 1));
    chains.into_iter().chain([as_busy]).chain(validators).collect()
}

/// Measures one size once: idle for ten seconds, then deposits from each chain to the next in turn.
///
/// # Errors
/// If anything does not start or arrive.
pub(super) async fn size(
    base: &DevnetOptions,
    (chains, validators, block_seconds): (usize, usize, u64),
) -> eyre::Result<SizeRun> {
    let options = rig::options(base, chains, Duration::from_secs(block_seconds));
    let mut rig = Rig::start(&DevnetOptions { validators, ..options }, 1).await?;
    const IDLE: Duration = Duration::from_secs(10);
    let before = rig.cpu()?;
    tokio::time::sleep(IDLE).await;
    let after = rig.cpu()?;
    let idle = ((after.0 - before.0) / IDLE.as_secs_f64(), (after.1 - before.1) / IDLE.as_secs_f64());
    let began = tokio::time::Instant::now();
    let latency = latency(&mut rig, DEPOSITS).await?;
    let (spent, seconds) = (rig.cpu()?, began.elapsed().as_secs_f64());
    rig.audit().await?;
    let each = |spent: f64, before: f64, idle: f64| ((spent - before) - idle * seconds) / DEPOSITS as f64;
    let per_transfer = (each(spent.0, after.0, idle.0), each(spent.1, after.1, idle.1));
    Ok(SizeRun { chains, validators, block_seconds, latency, idle, per_transfer })
}
