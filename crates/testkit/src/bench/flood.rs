//! What a flood of false attestations costs: the same transfers, with and without it.

use std::time::Duration;

use alloy_primitives::Bytes;
use icc_devnet::{DevnetOptions, wait_settled};
use tokio::time::{Instant, sleep};

use super::rig::{self, MOST_PAYMENTS, Rig};
use crate::traitors::{Traitor, flood};

/// So many that those who are left, once the liar is out, need not all sign.
pub(crate) const VALIDATORS: usize = 5;
/// Transactions on each lane, full of payments.
const TRANSACTIONS: usize = 30;
/// For all to be delivered.
const PATIENCE: Duration = Duration::from_secs(300);
/// False attestations a second.
pub(crate) const PER_SECOND: usize = 2000;
/// The flood has begun before the transfers.
const AHEAD: Duration = Duration::from_secs(3);

/// One run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Transfers a second, from the first deposit until all are delivered.
    pub(crate) rate: f64,
    /// False attestations that were told meanwhile.
    pub(crate) told: usize,
}

/// Makes transfers on a new devnet as fast as its chains take them, and audits.
///
/// # Errors
/// If a chain fails, or the books do not balance.
pub(crate) async fn run(base: &DevnetOptions, flooded: bool) -> eyre::Result<Run> {
    let mut options = rig::options(base, 3, Duration::from_secs(1));
    options.validators = VALIDATORS;
    let mut rig = Rig::start(&options, 2).await?;
    let (lanes, accounts) = (rig.lanes(), rig.accounts()?);
    // Something final on each lane, to lie about; and the contracts' first use is over.
    for (from, to) in &lanes {
        let call = rig.payment(*from, *to, MOST_PAYMENTS);
        let sent = accounts[*from].burst(rig.payer(*from), &[call]).await?;
        for transaction in sent {
            accounts[*from].wait(transaction).await?;
        }
    }
    wait_settled(&rig.devnet, PATIENCE).await?;
    let flood = match flooded {
        true => Some(flood(&rig.devnet, &Traitor::new(&rig.devnet, 0), PER_SECOND).await?),
        false => None,
    };
    sleep(AHEAD).await;
    let began = Instant::now();
    for (from, to) in &lanes {
        let calls: Vec<Bytes> = (0..TRANSACTIONS).map(|_| rig.payment(*from, *to, MOST_PAYMENTS)).collect();
        accounts[*from].burst(rig.payer(*from), &calls).await?;
    }
    // In blocks before outboxes tell of them.
    sleep(Duration::from_secs(1)).await;
    wait_settled(&rig.devnet, PATIENCE).await?;
    let transfers = lanes.len() * TRANSACTIONS * MOST_PAYMENTS;
    let rate = transfers as f64 / began.elapsed().as_secs_f64();
    let told = match flood {
        Some(flood) => flood.end().await?,
        None => 0,
    };
    rig.audit().await?;
    Ok(Run { rate, told })
}
