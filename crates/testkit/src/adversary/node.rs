//! One endpoint of the validator: honest, or the adversary's.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy_primitives::{B256, Bytes, Log, U64, U256};
use alloy_rpc_types_eth::{
    Block as RpcBlock, EIP1186AccountProofResponse, EIP1186StorageProof, Header as RpcHeader,
};
use alloy_sol_types::SolEvent;
use async_trait::async_trait;
use icc_chain_evm::bindings::Gateway;
use icc_rpc::Transport;
use rand::{Rng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    chain::{Block, GATEWAY, THERE, World},
    plan::{Plan, refuses},
};

/// What all endpoints share.
pub(super) struct Stage {
    pub(super) world: World,
    /// Of each endpoint; the honest one's never changes.
    pub(super) plans: Vec<Plan>,
    pub(super) honest_is_cut: bool,
    pub(super) random: StdRng,
    pub(super) lies: u64,
    /// The block that was last served for a height: what the validator will want proved.
    served: BTreeMap<u64, B256>,
}

impl Stage {
    pub(super) fn new(world: World, endpoints: usize, random: StdRng) -> Self {
        let plans = vec![Plan::honest(); endpoints];
        Self { world, plans, honest_is_cut: false, random, lies: 0, served: BTreeMap::new() }
    }

    fn serve(&mut self, block: Option<Block>) -> Value {
        let Some(block) = block else { return Value::Null };
        let height = block.header.number;
        self.served.insert(height, block.hash);
        if self.world.at(0, height).is_none_or(|truth| truth.hash != block.hash) {
            self.lies += 1;
        }
        json!(RpcBlock::<B256>::empty(RpcHeader::new(block.header)))
    }

    /// The block that the validator means by a height: the one that it was last told of, or the plan's.
    fn meant(&self, plan: &Plan, height: u64, honest: bool) -> Option<Block> {
        let served = self.served.get(&height).and_then(|hash| self.world.blocks.get(hash));
        let of_plan = self.world.at(plan.chain_at(height), height);
        if honest { self.world.at(0, height).cloned() } else { served.or(of_plan).cloned() }
    }

    fn answer(&mut self, endpoint: usize, request: &Value) -> Option<Value> {
        let honest = endpoint == 0;
        let plan = self.plans[endpoint].clone();
        let params = &request["params"];
        Some(match request["method"].as_str()? {
            "eth_getBlockByNumber" => {
                let block = match params[0].as_str()? {
                    "finalized" => self.world.at(plan.finalized.chain, plan.finalized.height(&self.world)),
                    "latest" => self.world.at(plan.latest.chain, plan.latest.height(&self.world)),
                    number => {
                        let height = height(number)?;
                        if refuses(&plan.refused_numbers, height) {
                            return None;
                        }
                        self.world.at(plan.chain_at(height), height)
                    }
                };
                let block = block.cloned();
                self.serve(block)
            }
            "eth_getBlockByHash" => {
                let hash: B256 = params[0].as_str()?.parse().ok()?;
                let block = self.world.blocks.get(&hash).cloned();
                let known = block.filter(|block| {
                    let height = block.header.number;
                    let on_chain = self.world.at(0, height).is_some_and(|truth| truth.hash == hash);
                    !refuses(&plan.refused_hashes, height) && (on_chain || !honest)
                });
                self.serve(known)
            }
            "eth_getProof" => {
                let height = height(params[2].as_str()?)?;
                if refuses(&plan.refused_proofs, height) {
                    return None;
                }
                let slots: Vec<B256> = serde_json::from_value(params[1].clone()).ok()?;
                json!(proof(&self.meant(&plan, height, honest)?, &slots))
            }
            "eth_getLogs" => {
                let number = |key: &str| height(params[0][key].as_str()?);
                self.logs(&plan, number("fromBlock")?..=number("toBlock")?, honest)
            }
            _ => return None,
        })
    }

    fn logs(&self, plan: &Plan, range: std::ops::RangeInclusive<u64>, honest: bool) -> Value {
        let mut logs = Vec::new();
        // Either the plan's chain, or what leads to the block that was last served.
        let by_plan = honest || plan.events != 0;
        let mut at = if by_plan { None } else { self.meant(plan, *range.end(), false) };
        let mut told: BTreeMap<u64, Block> = BTreeMap::new();
        while let Some(block) = at.filter(|block| range.contains(&block.header.number)) {
            at = self.world.blocks.get(&block.header.parent_hash).cloned();
            told.insert(block.header.number, block);
        }
        if by_plan {
            let chain = if honest { 0 } else { plan.events };
            let blocks = range.filter_map(|height| Some((height, self.world.at(chain, height)?.clone())));
            told.extend(blocks);
        }
        for block in told.values() {
            for (index, message) in block.messages.iter().enumerate() {
                logs.push(log(block, index, message));
            }
        }
        json!(logs)
    }
}

fn height(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

fn log(block: &Block, index: usize, message: &Bytes) -> alloy_rpc_types_eth::Log {
    let event = Gateway::Sent { destinationChain: THERE.0, generation: 1, message: message.clone() };
    alloy_rpc_types_eth::Log {
        inner: Log { address: GATEWAY, data: event.encode_log_data() },
        block_hash: Some(block.hash),
        block_number: Some(block.header.number),
        transaction_hash: Some(block.hash),
        transaction_index: Some(0),
        log_index: Some(index as u64),
        ..Default::default()
    }
}

fn proof(block: &Block, slots: &[B256]) -> EIP1186AccountProofResponse {
    let account = block.account();
    let storage = slots.iter().map(|slot| {
        let (value, proof) = block.storage_proof(*slot);
        EIP1186StorageProof { key: (*slot).into(), value, proof }
    });
    EIP1186AccountProofResponse {
        address: GATEWAY,
        balance: U256::ZERO,
        code_hash: account.code_hash,
        nonce: U64::from(account.nonce).to(),
        storage_hash: account.storage_root,
        account_proof: block.account_proof().1,
        storage_proof: storage.collect(),
    }
}

/// The wire to one endpoint.
pub(super) struct Wire {
    pub(super) stage: Arc<Mutex<Stage>>,
    pub(super) endpoint: usize,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wire({})", self.endpoint)
    }
}

impl Wire {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for Wire {
    async fn carry(&self, request: &Value) -> Result<Vec<u8>, String> {
        let (delay, absent) = {
            let mut stage = self.stage();
            let noise = stage.plans[self.endpoint].noise;
            let odd = stage.random.random_range(0..100) < noise;
            let late = odd && stage.random.random_bool(0.3);
            let delay = if late { stage.random.random_range(50..4000) } else { 1 };
            (delay, odd && !late || (self.endpoint == 0 && stage.honest_is_cut))
        };
        sleep(Duration::from_millis(delay)).await;
        if absent {
            return Err("no connection".to_owned());
        }
        let result = self.stage().answer(self.endpoint, request);
        let answer = result.map_or_else(
            || json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "no"}}),
            |result| json!({"jsonrpc": "2.0", "id": 1, "result": result}),
        );
        serde_json::to_vec(&answer).map_err(|error| error.to_string())
    }
}
