//! The calls we make to a node, with what it says checked as far as that is possible alone.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bloom, BloomInput, Bytes, U64, U128, U256, hex};
use alloy_rpc_types_eth::{Block as RpcBlock, EIP1186AccountProofResponse, Filter, Log};
use icc_chain::{Block, BlockRef, ChainError, Finality, HashedHeader};
use icc_evm_proof::verify_header;
use icc_rpc::{Endpoint, EndpointError, Misdeed, name_endpoint};
use serde_json::{Value, json};

/// A header whose hash has been recomputed from its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VerifiedHeader {
    pub(crate) hash: B256,
    pub(crate) header: Header,
}

impl VerifiedHeader {
    pub(crate) fn at(&self) -> BlockRef {
        BlockRef { number: self.header.number, hash: self.hash }
    }

    pub(crate) fn hashed(&self) -> HashedHeader {
        HashedHeader::recomputed(self.at(), self.header.parent_hash, self.header.timestamp)
    }

    /// The block as the bridge sees it; the header's bloom (EIP-234 filters use the same) can rule events out.
    pub(crate) fn block(&self, contracts: &[Address]) -> Block {
        Block {
            at: self.at(),
            parent: self.header.parent_hash,
            timestamp: self.header.timestamp,
            may_have_events: contracts
                .iter()
                .any(|contract| bloom_may_contain(&self.header.logs_bloom, *contract)),
        }
    }
}

fn bloom_may_contain(bloom: &Bloom, address: Address) -> bool {
    bloom.contains_input(BloomInput::Raw(address.as_slice()))
}

pub(crate) fn number_tag(number: u64) -> Value {
    json!(format!("{number:#x}"))
}

/// The header at a height or tag; `None` if there is none.
pub(crate) async fn header(endpoint: &Endpoint, tag: &Value) -> Result<Option<VerifiedHeader>, ChainError> {
    let block: Option<RpcBlock> = endpoint
        .call("eth_getBlockByNumber", json!([tag, false]))
        .await
        .map_err(|error| endpoint.failed(error))?;
    block.map(|block| verified(endpoint, block, tag)).transpose()
}

/// The header with a hash; `None` if the endpoint does not have it.
pub(crate) async fn header_by_hash(
    endpoint: &Endpoint,
    hash: B256,
) -> Result<Option<VerifiedHeader>, ChainError> {
    let block: Option<RpcBlock> = endpoint
        .call("eth_getBlockByHash", json!([hash, false]))
        .await
        .map_err(|error| endpoint.failed(error))?;
    let Some(block) = block else { return Ok(None) };
    let header = verified(endpoint, block, &Value::Null)?;
    if header.hash != hash {
        return Err(forged(endpoint, format!("asked for block {hash}, got {}", header.hash)));
    }
    Ok(Some(header))
}

/// The header of a block that was told for a height or tag, if it hashes to its hash and is of that height.
pub(crate) fn verified(
    endpoint: &Endpoint,
    block: RpcBlock,
    tag: &Value,
) -> Result<VerifiedHeader, ChainError> {
    let hash = block.header.hash;
    let header = block.header.into_consensus();
    verify_header(&header, hash).map_err(|error| forged(endpoint, error.to_string()))?;
    if let Some(text) = tag.as_str().filter(|text| text.starts_with("0x"))
        && text != format!("{:#x}", header.number)
    {
        return Err(forged(endpoint, format!("asked for block {text}, got {}", header.number)));
    }
    Ok(VerifiedHeader { hash, header })
}

/// The header of the newest block that is final under the policy; the genesis block before there is any.
pub(crate) async fn finalized(endpoint: &Endpoint, finality: Finality) -> Result<VerifiedHeader, ChainError> {
    let tag = match finality {
        Finality::Finalized => json!("finalized"),
        Finality::Safe => json!("safe"),
        Finality::Confirmations(depth) => number_tag(block_number(endpoint).await?.saturating_sub(depth)),
    };
    header(endpoint, &tag).await?.ok_or_else(|| ChainError::UnknownBlock(finality.to_string()))
}

pub(crate) async fn block_number(endpoint: &Endpoint) -> Result<u64, ChainError> {
    let number: U64 = endpoint.call("eth_blockNumber", json!([])).await.map_err(|e| endpoint.failed(e))?;
    Ok(number.to())
}

pub(crate) async fn chain_id(endpoint: &Endpoint) -> Result<u64, ChainError> {
    let id: U64 = endpoint.call("eth_chainId", json!([])).await.map_err(|e| endpoint.failed(e))?;
    Ok(id.to())
}

/// Logs of one contract.
pub(crate) async fn logs(endpoint: &Endpoint, filter: &Filter) -> Result<Vec<Log>, ChainError> {
    endpoint.call("eth_getLogs", json!([filter])).await.map_err(|error| endpoint.range_failed(error))
}

pub(crate) async fn proof(
    endpoint: &Endpoint,
    account: Address,
    slots: &[B256],
    block: u64,
) -> Result<EIP1186AccountProofResponse, ChainError> {
    endpoint
        .call("eth_getProof", json!([account, slots, format!("{block:#x}")]))
        .await
        .map_err(|error| endpoint.failed(error))
}

/// Calls a contract at a block.
pub(crate) async fn call(
    endpoint: &Endpoint,
    from: Address,
    (to, data): (Address, &Bytes),
    block: &Value,
) -> Result<Bytes, ChainError> {
    endpoint
        .call("eth_call", json!([{"from": from, "to": to, "data": data}, block]))
        .await
        .map_err(|error| execution_error(endpoint, error))
}

/// Whether a call goes through at the newest block; an error if not. What it returns does not matter.
pub(crate) async fn try_call(endpoint: &Endpoint, request: &Value) -> Result<(), ChainError> {
    let outcome: Result<Bytes, _> = endpoint.call("eth_call", json!([request, "latest"])).await;
    outcome.map(drop).map_err(|error| execution_error(endpoint, error))
}

/// Gas of a call at the newest block. Without naming it, some nodes run the call after what waits in their pool: a
/// delivery that somebody left there would look done, and could never be replaced.
pub(crate) async fn estimate_gas(endpoint: &Endpoint, request: &Value) -> Result<u64, ChainError> {
    let gas: U64 = endpoint
        .call("eth_estimateGas", json!([request, "latest"]))
        .await
        .map_err(|error| execution_error(endpoint, error))?;
    Ok(gas.to())
}

/// Transactions of an account that are in blocks.
pub(crate) async fn transaction_count(endpoint: &Endpoint, account: Address) -> Result<u64, ChainError> {
    transaction_count_at(endpoint, account, "latest").await
}

/// The same with those that wait in the node's pool.
pub(crate) async fn pending_transaction_count(
    endpoint: &Endpoint,
    account: Address,
) -> Result<u64, ChainError> {
    transaction_count_at(endpoint, account, "pending").await
}

async fn transaction_count_at(endpoint: &Endpoint, account: Address, tag: &str) -> Result<u64, ChainError> {
    let count: U64 = endpoint
        .call("eth_getTransactionCount", json!([account, tag]))
        .await
        .map_err(|error| endpoint.failed(error))?;
    Ok(count.to())
}

pub(crate) async fn balance(endpoint: &Endpoint, account: Address) -> Result<U256, ChainError> {
    endpoint.call("eth_getBalance", json!([account, "latest"])).await.map_err(|error| endpoint.failed(error))
}

pub(crate) async fn code(endpoint: &Endpoint, account: Address) -> Result<Bytes, ChainError> {
    endpoint.call("eth_getCode", json!([account, "latest"])).await.map_err(|error| endpoint.failed(error))
}

pub(crate) async fn priority_fee(endpoint: &Endpoint) -> Result<u128, ChainError> {
    let fee: U128 =
        endpoint.call("eth_maxPriorityFeePerGas", json!([])).await.map_err(|error| endpoint.failed(error))?;
    Ok(fee.to())
}

pub(crate) fn forged(endpoint: &Endpoint, reason: String) -> ChainError {
    name_endpoint(endpoint.name(), Misdeed::Forgery, &reason);
    ChainError::Forged { endpoint: endpoint.name().to_owned(), reason }
}

/// A call's refusal: a revert is the chain's answer, anything else the endpoint's.
pub(crate) fn execution_error(endpoint: &Endpoint, error: EndpointError) -> ChainError {
    if let EndpointError::Refused { code, message, data } = &error
        && (*code == 3 || message.contains("revert") || data.as_ref().is_some_and(|d| d.len() >= 10))
    {
        let data: Bytes = data.as_ref().and_then(|d| hex::decode(d).ok()).unwrap_or_default().into();
        return ChainError::Reverted { reason: crate::revert::describe(&data, message), data };
    }
    endpoint.failed(error)
}
