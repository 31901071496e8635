//! Clocks that jump. Of the clocks in use, a chain's and the database's are moved here. Timers and time limits of our
//! processes run on the monotonic clock, which no setting of a clock moves. The system clock itself is read only for when
//! a gas price was set, for pauses of refused executions, and in texts; it is not moved here, as that would need the whole
//! machine.

use std::time::Duration;

use async_trait::async_trait;
use eyre::{WrapErr, ensure};
use icc_api::CoreClient;
use icc_devnet::Role;
use icc_protocol::TransferState;
use serde_json::json;
use tokio::time::sleep;

use super::{Scenario, World};

const HOUR: u64 = 3600;
/// For a transfer to arrive, or to come back.
const PATIENCE: Duration = Duration::from_secs(120);

/// Chains' clocks jump forward, which no other clock does with them.
pub(super) struct Chains;

#[async_trait(?Send)]
impl Scenario for Chains {
    fn name(&self) -> &'static str {
        "chain-clocks"
    }

    fn what(&self) -> &'static str {
        "chains' clocks jump hours and days ahead: deadlines pass and are refunded, windows end, prices grow stale"
    }

    fn spoils(&self) -> bool {
        true
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let core = CoreClient::new(world.devnet.core_urls[0].clone())?;
        // With a deadline that is far off for the source, and long past for the destination.
        jump(world, 1, 2 * HOUR).await?;
        let deadline = now(world, 0).await? + 300;
        let transaction = world.load.guest_deposit(0, 1, deadline).await?;
        let messages =
            core.follow(transaction, PATIENCE, |_| {}).await.wrap_err("a transfer past its deadline")?;
        ensure!(
            messages.iter().all(|message| message.next.is_some()),
            "a transfer past its deadline was not refunded: {messages:?}"
        );
        // One without a deadline is not touched by it.
        let transaction = world.load.guest_deposit(0, 1, 0).await?;
        let messages =
            core.follow(transaction, PATIENCE, |_| {}).await.wrap_err("a transfer without deadline")?;
        let arrived = |state: TransferState| state.has_arrived();
        ensure!(messages.iter().all(|message| arrived(message.state)), "it did not arrive: {messages:?}");
        for (chain, hours) in [(0, 30), (2, 1), (1, 50), (2, 100)] {
            jump(world, chain, hours * HOUR).await?;
            sleep(world.scaled(Duration::from_secs(2), Duration::from_secs(6))).await;
        }
        Ok(())
    }
}

async fn jump(world: &mut World<'_>, chain: usize, seconds: u64) -> eyre::Result<()> {
    world.fault();
    world.devnet.chains[chain].rpc("evm_increaseTime", json!([seconds])).await?;
    // Its effect is seen in a block after it.
    let before = now(world, chain).await?;
    for _ in 0..100 {
        sleep(Duration::from_millis(100)).await;
        if now(world, chain).await? >= before + seconds / 2 {
            return Ok(());
        }
    }
    eyre::bail!("the clock of chain {chain} does not jump")
}

/// What a chain's newest block says.
async fn now(world: &World<'_>, chain: usize) -> eyre::Result<u64> {
    let block = world.devnet.chains[chain].rpc("eth_getBlockByNumber", json!(["latest", false])).await?;
    let time = block["timestamp"].as_str().and_then(|text| text.strip_prefix("0x"));
    Ok(u64::from_str_radix(time.unwrap_or_default(), 16)?)
}

/// The database's clock goes back, or jumps ahead: seen by its rows, all that it has written moves the other way.
pub(super) struct Database;

#[async_trait(?Send)]
impl Scenario for Database {
    fn name(&self) -> &'static str {
        "database-clock"
    }

    fn what(&self) -> &'static str {
        "the database's clock goes back a day, then a day ahead (its rows' times are moved): leases are taken again"
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        for by in ["+ interval '1 day'", "- interval '1 day'"] {
            sleep(Duration::from_secs(2)).await;
            // The cores go too: each lease is then somebody's who will not come back for it.
            for core in [Role::Core(0), Role::Core(1)] {
                world.devnet.process(core)?.kill();
            }
            world.devnet.postgres.process.stop(Duration::from_secs(20));
            for sql in [
                format!("update lease set expires_at = expires_at {by}"),
                format!("update lease_term set since = since {by}, until = until {by}"),
                format!("update execute_attempt set next_at = next_at {by}"),
            ] {
                world.devnet.postgres.alter_stopped(&sql)?;
            }
            world.fault();
            world.devnet.postgres.start_again().await?;
            for core in [Role::Core(0), Role::Core(1)] {
                world.devnet.process(core)?.restart()?;
            }
            sleep(world.scaled(Duration::from_secs(1), Duration::from_secs(5))).await;
        }
        Ok(())
    }
}
