//! `kill -9`, as a power cut would.

use std::time::Duration;

use async_trait::async_trait;

use super::{Scenario, World};

/// Cores, indexer and validators killed at random moments, one or two at a time.
pub(super) struct KillNine;

#[async_trait(?Send)]
impl Scenario for KillNine {
    fn name(&self) -> &'static str {
        "kill-9"
    }

    fn what(&self) -> &'static str {
        "cores, indexer and validators killed at random moments, one or two at a time, and started again"
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let kills = world.scaled(15, 220);
        while world.faults() < kills && world.has_time() {
            world.pause_up_to(Duration::from_millis(1200)).await;
            let first = world.any_role();
            world.devnet.process(first)?.kill();
            world.fault();
            // Often so soon after the start that it is still starting.
            world.pause_up_to(Duration::from_millis(400)).await;
            let second = world.any_role();
            if second != first {
                world.devnet.process(second)?.kill();
                world.fault();
            }
            world.pause_up_to(Duration::from_millis(400)).await;
            for role in [first, second] {
                world.devnet.process(role)?.restart()?;
            }
        }
        Ok(())
    }
}
