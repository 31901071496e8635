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
    /// What was measured.
    pub latency: Latency,
    /// Processor seconds while nothing was sent, per second: of the bridge, and of everything.
    pub idle: (f64, f64),
    /// Processor seconds per transfer beyond that: of the bridge, and of everything.
    pub per_transfer: (f64, f64),
}

/// Sizes that are measured: (chains, validators).
pub(super) fn sizes() -> Vec<(usize, usize)> {
    let chains = CHAINS.map(|chains| (chains, VALIDATORS[0]));
    let validators = VALIDATORS.into_iter().skip(1).map(|validators| (CHAINS[0], validators));
    chains.into_iter().chain(validators).collect()
}

/// Measures one size once: idle for ten seconds, then deposits from each chain to the next in turn.
///
/// # Errors
/// If anything does not start or arrive.
pub(super) async fn size(base: &DevnetOptions, chains: usize, validators: usize) -> eyre::Result<SizeRun> {
    let options = rig::options(base, chains, Duration::from_secs(1));
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
    Ok(SizeRun { chains, validators, latency, idle, per_transfer })
}
