//! The highest rate of transfers that goes on for a minute, everything on one machine.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use alloy_primitives::{Address, Bytes};
use eyre::ensure;
use icc_chain_evm::Account;
use icc_devnet::wait_settled;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::rig::{MOST_PAYMENTS, Rig};
use crate::messages_sent;

/// How long a rate has to go on.
const LENGTH: Duration = Duration::from_secs(60);
/// After the last deposit, for everything to be delivered: finality (two blocks), inclusion, and a little.
const SETTLING: Duration = Duration::from_secs(10);
/// After that, for what did not keep up to arrive all the same, before the audit.
const PATIENCE: Duration = Duration::from_secs(300);

/// How deposits are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As many in one transaction as a second brings.
    Many,
    /// One in a transaction.
    One,
}

/// One rate, tried.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    /// Transfers a second that were asked for.
    pub offered: f64,
    /// Transfers made.
    pub transfers: usize,
    /// Seconds from the first deposit to the last.
    pub sending: f64,
    /// Seconds from the last deposit until all was delivered.
    pub settling: f64,
    /// Processor seconds per 1,000 transfers: of the bridge's processes, and of everything.
    pub cpu: (f64, f64),
    /// Whether it went on: sent in time, delivered soon after, and the books balance.
    pub sustained: bool,
}

/// The highest rate of which most trials went on; zero if there is none.
pub(crate) fn highest(trials: &[Trial]) -> f64 {
    let went_on = |rate: f64| {
        let (good, bad): (Vec<&Trial>, Vec<&Trial>) =
            trials.iter().filter(|trial| trial.offered == rate).partition(|trial| trial.sustained);
        good.len() > bad.len()
    };
    trials.iter().map(|trial| trial.offered).filter(|rate| went_on(*rate)).fold(0.0, f64::max)
}

/// Tries one rate for a minute, then audits.
///
/// # Errors
/// If a chain fails, or the books do not balance.
pub(crate) async fn trial(rig: &mut Rig, per_second: f64, shape: Shape) -> eyre::Result<Trial> {
    let (lanes, accounts) = (rig.lanes(), rig.accounts()?);
    let mut gas = KnownGas::default();
    let (cpu, sent_before) = (rig.cpu()?, messages_sent(&rig.devnet).await?);
    let began = Instant::now();
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut transfers = 0;
    let mut due = 0.0;
    for _ in 0..LENGTH.as_secs() {
        ticks.tick().await;
        due += per_second;
        let now = (due as usize).saturating_sub(transfers);
        for (index, (from, to)) in lanes.iter().enumerate() {
            let count = now / lanes.len() + usize::from(index < now % lanes.len());
            match shape {
                Shape::Many => {
                    for size in chunks(count) {
                        let (call, at) = (rig.payment(*from, *to, size), rig.payer(*from));
                        gas.burst(&accounts[*from], (at, size), vec![call]).await?;
                    }
                }
                Shape::One => {
                    let calls: Vec<_> = (0..count).map(|_| rig.deposit(*from, *to)).collect();
                    let Some(at) = calls.first().map(|call| call.0) else { continue };
                    let calls: Vec<_> = calls.into_iter().map(|call| call.1).collect();
                    gas.burst(&accounts[*from], (at, 1), calls).await?;
                }
            }
            transfers += count;
        }
    }
    let sending = began.elapsed();
    let settling = Instant::now();
    // The last deposits have to be in a block before outboxes tell of them.
    sleep(Duration::from_secs(1)).await;
    wait_settled(&rig.devnet, PATIENCE).await?;
    let settling = settling.elapsed();
    let after = rig.cpu()?;
    let sent = messages_sent(&rig.devnet).await? - sent_before;
    ensure!(sent == transfers as u64, "{transfers} transfers were made, but {sent} messages sent");
    rig.audit().await?;
    ensure!(transfers > 0, "a rate of {per_second} makes no transfer in a minute");
    let per_thousand = 1000.0 / transfers as f64;
    Ok(Trial {
        offered: per_second,
        transfers,
        sending: sending.as_secs_f64(),
        settling: settling.as_secs_f64(),
        cpu: ((after.0 - cpu.0) * per_thousand, (after.1 - cpu.1) * per_thousand),
        sustained: sending < LENGTH + Duration::from_secs(2) && settling < SETTLING,
    })
}

/// What deposits take, asked once for each contract and size: a wallet's estimates are no work of the bridge's.
#[derive(Default)]
struct KnownGas(BTreeMap<(Address, usize), u64>);

impl KnownGas {
    /// Sends calls that each make `size` deposits.
    async fn burst(
        &mut self,
        account: &Account,
        (at, size): (Address, usize),
        calls: Vec<Bytes>,
    ) -> eyre::Result<()> {
        let Some(first) = calls.first() else { return Ok(()) };
        let gas = match self.0.entry((at, size)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => *unknown.insert(account.estimate(at, first).await?),
        };
        account.burst_with_gas(at, &calls, gas).await?;
        Ok(())
    }
}

/// A number of payments in transactions that each have room for it.
fn chunks(count: usize) -> impl Iterator<Item = usize> {
    (0..count.div_ceil(MOST_PAYMENTS)).map(move |n| MOST_PAYMENTS.min(count - n * MOST_PAYMENTS))
}
