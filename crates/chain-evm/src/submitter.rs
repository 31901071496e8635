//! Submitting calls to a gateway.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256, Bytes, U256, aliases::U80};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolValue};
use async_trait::async_trait;
use icc_chain::{
    Call, ChainError, Delivery, GasPrice, Outcome, QueuedCall, RemoteEnd, Spent, Submission, Submitter,
};
use icc_protocol::{ChainId, EpochRecord, INLINE_GAS, LaneId, Message};
use icc_rpc::{Endpoint, Pool};
use serde_json::json;

use crate::{
    EvmChain,
    bindings::{Gateway, IGateway, TokenBridge},
    evidence, node, transaction,
    view::Viewer,
};

/// Most gas of one transaction (EIP-7825).
const TRANSACTION_GAS_CAP: u64 = 16_777_216;

/// An EVM chain that signers from a pool submit to.
pub struct EvmSubmitter {
    config: EvmChain,
    pool: Pool,
    signers: BTreeMap<B256, Arc<PrivateKeySigner>>,
}

impl EvmSubmitter {
    /// A submitter with its pool of signers.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] without endpoints.
    pub fn new(config: EvmChain, signers: &[Arc<PrivateKeySigner>]) -> Result<Self, ChainError> {
        let signers = signers.iter().map(|signer| (signer.address().into_word(), signer.clone())).collect();
        Ok(Self { pool: config.pool()?, config, signers })
    }

    /// The contract and what to call it with.
    pub fn calldata(&self, call: &Call) -> (Address, Bytes) {
        let gateway = self.config.gateway;
        match call {
            Call::Deliver(delivery) => {
                (gateway, Gateway::deliverCall { delivery: encode_delivery(delivery) }.abi_encode().into())
            }
            Call::Execute { source, message } => {
                let call = Gateway::executeCall { source: encode_remote(source), message: message.clone() };
                (gateway, call.abi_encode().into())
            }
            Call::Expire { source, message } => {
                let call = Gateway::expireCall { source: encode_remote(source), message: message.clone() };
                (gateway, call.abi_encode().into())
            }
            Call::Release { token_id, call } => {
                let call = TokenBridge::releaseCall { tokenId: *token_id, call: encode_queued(call) };
                (self.config.token_bridge, call.abi_encode().into())
            }
            Call::SetPrice { chain, price } => {
                let call = Gateway::setPriceCall {
                    chain: chain.0,
                    price: U80::saturating_from(price.price),
                    overheadGas: price.overhead_gas,
                };
                (gateway, call.abi_encode().into())
            }
            Call::Rotate(epoch) => {
                let EpochRecord { epoch: number, hub_time, .. } = epoch.record;
                let call = Gateway::rotateCall {
                    newSet: epoch.set.encode().into(),
                    epoch: number,
                    hubTime: hub_time,
                    signatures: epoch.signatures.clone(),
                };
                (gateway, call.abi_encode().into())
            }
            Call::ReportEpoch { epoch } => {
                (gateway, Gateway::reportRotationCall { epoch: *epoch }.abi_encode().into())
            }
            Call::ReportFalseCheckpoint(claim) => (gateway, evidence::report(claim)),
            Call::MakeEpoch
            | Call::PostSignatures { .. }
            | Call::Jail { .. }
            | Call::ProveEquivocation { .. }
            | Call::ProveFalseSet { .. } => {
                (self.config.registry.unwrap_or(Address::ZERO), evidence::registry_call(call))
            }
        }
    }

    /// Calls a view function of the gateway through any endpoint.
    async fn view<C: SolCall>(&self, call: C) -> Result<C::Return, ChainError> {
        let viewer = Viewer::now(&self.pool, self.config.id, Address::ZERO);
        viewer.view(self.config.gateway, call).await
    }

    fn signer(&self, signer: B256) -> Result<&PrivateKeySigner, ChainError> {
        self.signers
            .get(&signer)
            .map(AsRef::as_ref)
            .ok_or_else(|| ChainError::Misconfigured(format!("there is no key for signer {signer}")))
    }
}

fn encode_remote(remote: &RemoteEnd) -> IGateway::Remote {
    IGateway::Remote { chain: remote.chain.0, generation: remote.generation, gateway: remote.gateway }
}

/// What a queue's entry commits to: abi.encode(id, origin chain, call).
fn encode_queued(call: &QueuedCall) -> Bytes {
    match call {
        None => Bytes::new(),
        Some((id, origin, call)) => (*id, U256::from(origin.0), call.clone()).abi_encode_params().into(),
    }
}

/// Gas that the calls within a delivery may take, with what the gateway asks to be there for each (EIP-150).
fn calls_gas(call: &Call) -> u64 {
    let Call::Deliver(delivery) = call else { return 0 };
    let messages = delivery.messages.iter().filter_map(|message| Message::decode(message).ok());
    let inline = messages.filter(|message| message.gas_limit <= INLINE_GAS);
    inline.map(|message| u64::from(message.gas_limit) * 64 / 63 + 10_000).sum()
}

fn encode_delivery(delivery: &Delivery) -> IGateway::Delivery {
    let mut messages = Vec::new();
    for message in &delivery.messages {
        // A message is at most 85 + 10,240 bytes long, so its length fits two bytes.
        messages.extend_from_slice(&(message.len() as u16).to_be_bytes());
        messages.extend_from_slice(message);
    }
    IGateway::Delivery {
        source: encode_remote(&delivery.source),
        startAccumulator: delivery.start_accumulator,
        signatures: delivery.signatures.clone(),
        messages: messages.into(),
        tail: delivery.tail.clone(),
    }
}

#[async_trait]
impl Submitter for EvmSubmitter {
    fn chain(&self) -> ChainId {
        self.config.id
    }

    fn gas_limit(&self) -> u64 {
        TRANSACTION_GAS_CAP
    }

    async fn inbox(&self, lane: LaneId) -> Result<B256, ChainError> {
        self.view(Gateway::inboxCall { lane: lane.0 }).await
    }

    async fn gas_cost(&self) -> Result<u128, ChainError> {
        // With what a transaction offers at most as its tip, and without the doubled base fee: what is paid, not what
        // is offered.
        transaction::present_cost(&self.pool).await
    }

    async fn gas_price_of(&self, destination: ChainId) -> Result<(GasPrice, B256), ChainError> {
        let outbox = self.view(Gateway::outboxCall { chain: destination.0 }).await?;
        let updater = self.view(Gateway::feeUpdaterCall {}).await?;
        let price = GasPrice {
            price: outbox.price.to(),
            overhead_gas: outbox.overheadGas,
            set_at: outbox.pricedAt.to(),
        };
        Ok((price, updater.into_word()))
    }

    async fn held_epoch(&self) -> Result<u64, ChainError> {
        Ok(self.view(Gateway::validatorSetCall {}).await?.epoch)
    }

    async fn simulate(&self, call: &Call, signer: B256) -> Result<u64, ChainError> {
        let (to, data) = self.calldata(call);
        let request = json!({
            "from": Address::from_word(signer),
            "to": to,
            "data": data,
            "gas": format!("{TRANSACTION_GAS_CAP:#x}"),
        });
        let request = &request;
        if calls_gas(call) >= TRANSACTION_GAS_CAP {
            // All that a transaction may have is offered anyway. Nodes find an estimate by running a call a dozen times
            // and more; this is once.
            self.pool.first(|e: Endpoint| async move { node::try_call(&e, request).await }).await?;
            return Ok(TRANSACTION_GAS_CAP);
        }
        let gas = self.pool.first(|e: Endpoint| async move { node::estimate_gas(&e, request).await }).await?;
        // A tenth more, as the state may have moved by the time the transaction runs; and what the calls of a batch may
        // take then, though they took less here: one of them must not make the whole delivery fail.
        let more = (gas / 10).saturating_add(calls_gas(call));
        Ok(gas.saturating_add(more).min(TRANSACTION_GAS_CAP))
    }

    async fn next_sequence(&self, signer: B256) -> Result<u64, ChainError> {
        let address = Address::from_word(signer);
        self.pool
            .highest(|e: Endpoint| async move { node::transaction_count(&e, address).await }, |count| *count)
            .await
    }

    async fn submit(&self, submission: &Submission<'_>) -> Result<B256, ChainError> {
        let fees = transaction::current_fees(&self.pool, &self.config.fees, submission.attempt).await?;
        let (to, data) = self.calldata(submission.call);
        let unsigned = transaction::Transaction {
            chain: self.config.id.0,
            nonce: submission.sequence,
            to: Some(to),
            gas: submission.gas,
            fees,
            value: U256::ZERO,
            data,
        };
        let (hash, raw) = unsigned.sign(self.signer(submission.signer)?)?;
        transaction::broadcast(&self.pool, submission.signer, &raw).await?;
        Ok(hash)
    }

    async fn outcome(&self, transaction: B256) -> Result<Option<Outcome>, ChainError> {
        let receipt = transaction::receipt(&self.pool, transaction).await?;
        Ok(receipt.map(|receipt| {
            if receipt.success {
                let cost = u128::from(receipt.gas_used).saturating_mul(receipt.gas_price);
                Outcome::Succeeded { block: receipt.block, spent: Spent { gas: receipt.gas_used, cost } }
            } else {
                Outcome::Reverted { block: receipt.block }
            }
        }))
    }
}
