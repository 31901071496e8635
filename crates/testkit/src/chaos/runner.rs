//! One scenario: load, faults, calm, audit.

use std::{path::Path, time::Duration};

use eyre::{WrapErr, bail};
use icc_devnet::Devnet;
use rand::{SeedableRng, rngs::StdRng};
use tokio::time::{Instant, timeout};

use super::{Scale, Scenario, World};
use crate::{audit, load::Load, messages_sent};

/// How to run scenarios.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The `icc` binary, for the audit.
    pub icc: &'a Path,
    /// How much of each.
    pub scale: Scale,
    /// Of all that is random in them.
    pub seed: u64,
    /// For one scenario; its loops end at half of it, and what hangs ends with it.
    pub limit: Duration,
    /// For what was sent to arrive afterwards.
    pub patience: Duration,
}

/// What became of a scenario.
#[derive(Debug)]
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// Faults injected.
    pub faults: u64,
    /// Messages that left meanwhile, by the chains.
    pub transfers: u64,
    /// How long it took, audit included.
    pub took: Duration,
    /// Whether all held, and what did not.
    pub result: eyre::Result<()>,
}

/// Runs a scenario on a devnet, under load; then stops the load, and audits. After a failure the devnet is as the
/// failure left it.
pub async fn run(
    scenario: &dyn Scenario,
    devnet: &mut Devnet,
    load: &Load,
    settings: Settings<'_>,
) -> Outcome {
    let began = Instant::now();
    let before = messages_sent(devnet).await.unwrap_or(0);
    // Each scenario its own randomness: run alone, it makes the same choices.
    let seed = scenario
        .name()
        .bytes()
        .fold(settings.seed, |seed, byte| seed.wrapping_mul(0x100_0000_01b3).wrapping_add(byte.into()));
    let random = StdRng::seed_from_u64(seed);
    let running = load.start(scenario.load(), seed);
    let mut world = World::new(devnet, load, random, settings.scale, began + settings.limit / 2);
    let mut result = match timeout(settings.limit, scenario.run(&mut world)).await {
        Ok(result) => result,
        Err(_) => Err(eyre::eyre!("the scenario itself has not ended within {:?}", settings.limit)),
    };
    let faults = world.faults();
    load.spare(None);
    let sent = running.stop().await;
    tracing::info!(taken = sent.taken(), refused = sent.refused(), "load stopped");
    if result.is_ok() {
        result = afterwards(devnet, load, settings, sent.taken()).await;
    }
    let after = messages_sent(devnet).await.unwrap_or(before);
    let transfers = after.saturating_sub(before);
    Outcome { name: scenario.name(), faults, transfers, took: began.elapsed(), result }
}

async fn afterwards(
    devnet: &mut Devnet,
    load: &Load,
    settings: Settings<'_>,
    taken: u64,
) -> eyre::Result<()> {
    devnet.check().wrap_err("after the scenario")?;
    if taken == 0 {
        bail!("the load sent nothing: the scenario proves nothing");
    }
    audit(devnet, settings.icc, settings.patience).await.wrap_err("audit")?;
    load.check_units().await.wrap_err("the load's own units")?;
    devnet.check().wrap_err("after the audit")
}
