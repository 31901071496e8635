//! How long it takes from a final head to a signature, and to a delivery that the destination's node has accepted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use alloy_primitives::B256;
use eyre::OptionExt;
use icc_api::{CoreClient, MessageView};
use icc_devnet::{Devnet, Role};
use icc_rpc::{HeadSource, spawn_head_hints};
use serde_json::json;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

use super::{
    logs::{self, Line},
    rig::{Rig, now},
    stats::quantile,
};

/// For one transfer to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one run measured, in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Latency {
    /// Final head received → checkpoint signed, for each validator and block.
    pub signed_ms: Vec<f64>,
    /// Final head received (by the first validator) → delivery accepted by the destination's node.
    pub accepted_ms: Vec<f64>,
    /// Deposit in a block → delivered, finality included.
    pub whole_ms: Vec<f64>,
    /// Deliveries in the first block that the destination made after accepting them.
    pub next_after_accepted: usize,
    /// Deliveries in the first block that the destination made after the final head was received.
    pub next_after_final: usize,
    /// Deliveries.
    pub deliveries: usize,
}

impl Latency {
    /// Median and 99th percentile of signing and of accepting, in milliseconds.
    pub fn quantiles(&self) -> [f64; 4] {
        let (signed, accepted) = (&self.signed_ms, &self.accepted_ms);
        [quantile(signed, 0.5), quantile(signed, 0.99), quantile(accepted, 0.5), quantile(accepted, 0.99)]
    }
}

/// When a chain's blocks came, by its own announcements.
struct Heads {
    came: Arc<Mutex<BTreeMap<u64, f64>>>,
    _task: AbortOnDropHandle<()>,
}

impl Heads {
    fn watch(devnet: &Devnet, chain: usize) -> Self {
        let came: Arc<Mutex<BTreeMap<u64, f64>>> = Arc::default();
        let config = devnet.configs[chain].clone();
        let source = HeadSource {
            websocket: Some(devnet.chains[chain].websocket()),
            poll_interval: Duration::from_millis(50),
        };
        let noted = came.clone();
        let key = devnet.user.clone();
        let task = tokio::spawn(async move {
            let mut hints = spawn_head_hints(source);
            let Ok(account) = icc_chain_evm::Account::new(config, key) else { return };
            while hints.changed().await.is_ok() {
                let at = now();
                let Ok(number) = account.head().await else { continue };
                if let Ok(mut noted) = noted.lock() {
                    noted.entry(number).or_insert(at);
                }
            }
        });
        Self { came, _task: AbortOnDropHandle::new(task) }
    }

    /// The first block that came after a moment.
    fn first_after(&self, moment: f64) -> Option<u64> {
        let came = self.came.lock().ok()?;
        came.iter().find(|(_, at)| **at > moment).map(|(number, _)| *number)
    }
}

/// Makes `count` deposits one after the other, at uneven moments, and reads from the logs what became of them.
pub(crate) async fn latency(rig: &mut Rig, count: usize) -> eyre::Result<Latency> {
    let began = now();
    let heads: Vec<Heads> =
        (0..rig.devnet.chains.len()).map(|chain| Heads::watch(&rig.devnet, chain)).collect();
    let core = CoreClient::new(rig.devnet.core_urls[0].clone())?;
    let (accounts, lanes) = (rig.accounts()?, rig.lanes());
    let mut made: Vec<(usize, usize, B256, u64, f64)> = Vec::new();
    for number in 0..count {
        let (from, to) = lanes[number % lanes.len()];
        let (at, call) = rig.deposit(from, to);
        let receipt = accounts[from].transact(Some(at), call).await?;
        made.push((from, to, receipt.transaction, receipt.block, now()));
        // Not in step with any chain's blocks.
        sleep(Duration::from_millis(137 + 89 * (number as u64 % 7))).await;
    }
    let mut outcome = Latency::default();
    let signed = signed_lines(&rig.devnet, began)?;
    outcome.signed_ms =
        signed.values().flatten().filter_map(|line| Some(line.number("after_us")? as f64 / 1000.0)).collect();
    for (from, to, transaction, block, in_block) in made {
        let view = delivered(&core, transaction).await?;
        let delivery = view.delivery_transaction.ok_or_eyre("delivered, but by no transaction")?;
        let signed = signed_lines(&rig.devnet, began)?;
        let final_at = final_head(&signed, rig.devnet.configs[from].id.0, block)
            .ok_or_eyre("no validator says that it signed")?;
        let accepted = accepted_at(&rig.devnet, began, delivery)?;
        let included = rig.devnet.chains[to].rpc("eth_getTransactionReceipt", json!([delivery])).await?;
        let included = included["blockNumber"].as_str().and_then(|n| u64::from_str_radix(&n[2..], 16).ok());
        let included = included.ok_or_eyre("the delivery has no receipt")?;
        outcome.deliveries += 1;
        outcome.next_after_final += usize::from(heads[to].first_after(final_at) == Some(included));
        if let Some(accepted) = accepted {
            outcome.accepted_ms.push((accepted - final_at) * 1000.0);
            outcome.next_after_accepted += usize::from(heads[to].first_after(accepted) == Some(included));
        }
        let came = heads[to].came.lock().ok().and_then(|came| came.get(&included).copied());
        outcome.whole_ms.extend(came.map(|came| (came - in_block) * 1000.0));
    }
    Ok(outcome)
}

async fn delivered(core: &CoreClient, transaction: B256) -> eyre::Result<MessageView> {
    core.follow(transaction, PATIENCE, |_| {}).await?;
    let view = core.transaction(transaction).await?;
    view.messages.into_iter().next().ok_or_eyre("a deposit without a message")
}

/// By validator, what it says of its signatures.
fn signed_lines(devnet: &Devnet, began: f64) -> eyre::Result<BTreeMap<usize, Vec<Line>>> {
    let mut all = BTreeMap::new();
    for number in 0..devnet.validator_urls.len() {
        let log = devnet.folder().join(format!("validator-{number}.log"));
        all.insert(number, logs::since(&log, began, ": signed ")?);
    }
    Ok(all)
}

/// When the first validator had received the head that made a block final.
fn final_head(signed: &BTreeMap<usize, Vec<Line>>, chain: u64, block: u64) -> Option<f64> {
    let firsts = signed.values().filter_map(|lines| {
        let line = lines
            .iter()
            .find(|line| line.number("chain") == Some(chain) && line.number("block") >= Some(block))?;
        Some(line.at - line.number("after_us")? as f64 / 1e6)
    });
    firsts.min_by(f64::total_cmp)
}

/// When a core had a transaction accepted.
fn accepted_at(devnet: &Devnet, began: f64, transaction: B256) -> eyre::Result<Option<f64>> {
    let mut earliest: Option<f64> = None;
    for role in devnet.processes.keys() {
        let Role::Core(number) = role else { continue };
        let log = devnet.folder().join(format!("core-{number}.log"));
        for line in logs::since(&log, began, &transaction.to_string())? {
            earliest = Some(earliest.map_or(line.at, |known: f64| known.min(line.at)));
        }
    }
    Ok(earliest)
}
