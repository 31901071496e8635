//! Deliveries as they stand in transactions: called directly, or by another contract.

use std::collections::BTreeSet;

use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_rpc_types_eth::Filter;
use alloy_sol_types::{SolCall, SolEvent};
use async_trait::async_trait;
use icc_chain::{BlockRef, ChainError, Witness};
use icc_protocol::{
    ChainId, Checkpoint, CompactSignature, EpochRecord, Lane, Message, NetworkId, SignatureSet, fold,
};
use icc_rpc::{Endpoint, Pool};
use serde::Deserialize;
use serde_json::json;

use crate::{
    EvmChain,
    bindings::{Gateway, IGateway},
    node,
};

/// Calls within one transaction that are looked at.
const MAX_CALLS: usize = 4096;
/// Levels of calls within calls (the EVM has 1,024).
const MAX_DEPTH: usize = 64;

/// Reads a chain's transactions.
pub struct EvmWitness {
    chain: EvmChain,
    pool: Pool,
}

/// A transaction, or a call within one.
#[derive(Debug, Default, Deserialize)]
struct Called {
    #[serde(default)]
    to: Option<Address>,
    #[serde(default)]
    input: Bytes,
    /// As the nodes' `callTracer` tells them.
    #[serde(default)]
    calls: Vec<Called>,
}

impl EvmWitness {
    /// A witness of a chain.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] without endpoints.
    pub fn new(chain: EvmChain) -> Result<Self, ChainError> {
        Ok(Self { pool: chain.pool()?, chain })
    }

    /// A transaction with the calls within it, if its own call is not to the gateway and the endpoint traces them.
    async fn called(&self, endpoint: &Endpoint, transaction: B256) -> Result<Called, ChainError> {
        let direct: Option<Called> = endpoint
            .call("eth_getTransactionByHash", json!([transaction]))
            .await
            .map_err(|error| endpoint.failed(error))?;
        let direct = direct.unwrap_or_default();
        if direct.to == Some(self.chain.gateway) {
            return Ok(direct);
        }
        let tracing = json!([transaction, {"tracer": "callTracer"}]);
        endpoint.call("debug_traceTransaction", tracing).await.map_err(|error| endpoint.failed(error))
    }

    /// The calls of one function to the gateway.
    fn to_gateway<C: SolCall>(&self, root: &Called) -> Vec<C> {
        let to_gateway = flattened(root).into_iter().filter(|call| call.to == Some(self.chain.gateway));
        to_gateway.filter_map(|call| C::abi_decode(&call.input).ok()).collect()
    }

    fn checkpoint(
        &self,
        network: NetworkId,
        delivery: &IGateway::Delivery,
    ) -> Option<(Checkpoint, Vec<CompactSignature>)> {
        let lane = Lane {
            network,
            source_chain: ChainId(delivery.source.chain),
            source_gateway: delivery.source.gateway,
            destination_chain: self.chain.id,
            destination_gateway: self.chain.gateway.into_word(),
            generation: delivery.source.generation,
        };
        let (mut accumulator, mut nonce) = (delivery.startAccumulator, None);
        let mut rest: &[u8] = &delivery.messages;
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            let (message, next) = after.split_at_checked(length)?;
            nonce = Some(Message::decode(message).ok()?.nonce);
            accumulator = fold(accumulator, keccak256(message));
            rest = next;
        }
        accumulator = delivery.tail.iter().fold(accumulator, |so_far, leaf| fold(so_far, *leaf));
        let nonce = nonce?.checked_add(delivery.tail.len() as u64)?;
        let signatures = SignatureSet::unpack(&delivery.signatures).ok()?;
        Some((Checkpoint { lane: lane.id(), nonce, accumulator }, signatures.signatures().copied().collect()))
    }
}

/// All calls of a transaction, itself first; as many as are looked at.
fn flattened(root: &Called) -> Vec<&Called> {
    let mut all = Vec::new();
    let mut level = vec![root];
    for _ in 0..MAX_DEPTH {
        let below = level.iter().flat_map(|call| &call.calls).collect();
        all.append(&mut level);
        level = below;
        if level.is_empty() || all.len() > MAX_CALLS {
            break;
        }
    }
    all.truncate(MAX_CALLS);
    all
}

#[async_trait]
impl Witness for EvmWitness {
    fn chain(&self) -> ChainId {
        self.chain.id
    }

    async fn delivered_by(
        &self,
        network: NetworkId,
        transaction: B256,
    ) -> Result<Vec<(Checkpoint, Vec<CompactSignature>)>, ChainError> {
        let root =
            self.pool.first(|endpoint| async move { self.called(&endpoint, transaction).await }).await?;
        let deliveries = self.to_gateway::<Gateway::deliverCall>(&root);
        Ok(deliveries.iter().filter_map(|call| self.checkpoint(network, &call.delivery)).collect())
    }

    async fn rotated_in(
        &self,
        block: BlockRef,
    ) -> Result<Vec<(EpochRecord, Vec<CompactSignature>)>, ChainError> {
        let filter = Filter::new()
            .address(self.chain.gateway)
            .at_block_hash(block.hash)
            .event_signature(Gateway::SetRotated::SIGNATURE_HASH);
        let filter = &filter;
        let logs = self.pool.first(|endpoint| async move { node::logs(&endpoint, filter).await }).await?;
        let mut sets = Vec::new();
        let transactions: BTreeSet<B256> = logs.iter().filter_map(|log| log.transaction_hash).collect();
        for transaction in transactions {
            let root =
                self.pool.first(|endpoint| async move { self.called(&endpoint, transaction).await }).await?;
            for call in self.to_gateway::<Gateway::rotateCall>(&root) {
                let Ok(signatures) = SignatureSet::unpack(&call.signatures) else { continue };
                let set_hash = keccak256(&call.newSet);
                let record = EpochRecord { epoch: call.epoch, set_hash, hub_time: call.hubTime };
                sets.push((record, signatures.signatures().copied().collect()));
            }
        }
        Ok(sets)
    }
}
