//! Transactions: signing, fees, broadcasting, receipts.

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U64, U128, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use futures::future::join_all;
use icc_chain::ChainError;
use icc_rpc::{Endpoint, EndpointError, Pool};
use serde::Deserialize;
use serde_json::json;

use crate::{
    fees::{FeePolicy, Fees},
    node,
};

/// An EIP-1559 transaction before its signature.
pub(crate) struct Transaction {
    pub(crate) chain: u64,
    pub(crate) nonce: u64,
    pub(crate) to: Option<Address>,
    pub(crate) gas: u64,
    pub(crate) fees: Fees,
    pub(crate) value: U256,
    pub(crate) data: Bytes,
}

impl Transaction {
    /// Hash and raw bytes of the signed transaction.
    pub(crate) fn sign(self, signer: &PrivateKeySigner) -> Result<(B256, Bytes), ChainError> {
        let transaction = TxEip1559 {
            chain_id: self.chain,
            nonce: self.nonce,
            gas_limit: self.gas,
            max_fee_per_gas: self.fees.max_fee,
            max_priority_fee_per_gas: self.fees.priority_fee,
            to: self.to.map_or(TxKind::Create, TxKind::Call),
            value: self.value,
            access_list: Default::default(),
            input: self.data,
        };
        let signature = signer
            .sign_hash_sync(&transaction.signature_hash())
            .map_err(|error| ChainError::Misconfigured(format!("cannot sign: {error}")))?;
        let signed = transaction.into_signed(signature);
        Ok((*signed.hash(), signed.encoded_2718().into()))
    }
}

/// What the bridge needs of a receipt, of any transaction type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction.
    pub transaction: B256,
    /// Whether it did what it should.
    pub success: bool,
    /// Height of its block.
    pub block: u64,
    /// Gas used.
    pub gas_used: u64,
    /// Wei paid per gas.
    pub gas_price: u128,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcReceipt {
    transaction_hash: B256,
    status: U64,
    block_number: U64,
    gas_used: U64,
    effective_gas_price: Option<U128>,
}

pub(crate) async fn receipt(pool: &Pool, transaction: B256) -> Result<Option<Receipt>, ChainError> {
    let receipt: Option<RpcReceipt> = pool
        .first(|e: Endpoint| async move {
            e.call("eth_getTransactionReceipt", json!([transaction])).await.map_err(|error| e.failed(error))
        })
        .await?;
    Ok(receipt.map(|receipt| Receipt {
        transaction: receipt.transaction_hash,
        success: receipt.status == U64::from(1),
        block: receipt.block_number.to(),
        gas_used: receipt.gas_used.to(),
        gas_price: receipt.effective_gas_price.map_or(0, |price| price.to()),
    }))
}

/// Fees by the newest block's base fee and the node's suggested tip.
pub(crate) async fn current_fees(pool: &Pool, policy: &FeePolicy, attempt: u32) -> Result<Fees, ChainError> {
    let (base_fee, tip) = base_fee_and_tip(pool).await?;
    policy.fees(base_fee, tip, attempt)
}

/// Wei per gas that a transaction pays at present: base fee and the node's suggested tip.
pub(crate) async fn present_cost(pool: &Pool) -> Result<u128, ChainError> {
    let (base_fee, tip) = base_fee_and_tip(pool).await?;
    Ok(base_fee.saturating_add(tip))
}

async fn base_fee_and_tip(pool: &Pool) -> Result<(u128, u128), ChainError> {
    let (header, tip) = pool
        .first(|e: Endpoint| async move {
            let header = node::header(&e, &json!("latest")).await?;
            Ok((header, node::priority_fee(&e).await?))
        })
        .await?;
    let base_fee = header.and_then(|header| header.header.base_fee_per_gas).unwrap_or(0);
    Ok((base_fee.into(), tip))
}

/// Hands a signed transaction to all endpoints; one that takes it is enough.
pub(crate) async fn broadcast(pool: &Pool, signer: B256, raw: &Bytes) -> Result<(), ChainError> {
    let answers = join_all(pool.endpoints().iter().map(|endpoint| async move {
        (endpoint, endpoint.call::<B256>("eth_sendRawTransaction", json!([raw])).await)
    }))
    .await;
    let mut last = ChainError::NotTaken("no endpoint".to_owned());
    // A node's refusal says more than another's silence.
    let mut refused = false;
    for (endpoint, answer) in answers {
        match answer {
            Ok(_) => return Ok(()),
            Err(EndpointError::Refused { message, .. }) => {
                refused = true;
                match refusal(signer, message) {
                    Some(error) => last = error,
                    None => return Ok(()),
                }
            }
            Err(error) if !refused => last = endpoint.failed(error),
            Err(_) => {}
        }
    }
    Err(last)
}

/// What a node's refusal means, in the words of geth, reth, anvil, Erigon, Nethermind and Besu; `None`: it has the
/// transaction already.
fn refusal(signer: B256, message: String) -> Option<ChainError> {
    let letters: String = message.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    let says = |words: &[&str]| words.iter().any(|words| letters.contains(words));
    if says(&["alreadyknown", "alreadyimported", "knowntransaction"]) {
        return None;
    }
    Some(if says(&["insufficientfunds", "upfrontcostexceedsaccountbalance"]) {
        ChainError::InsufficientFunds { signer, reason: message }
    } else {
        ChainError::NotTaken(message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_all_clients_are_understood() {
        let meant = |words: &str| refusal(B256::ZERO, words.to_owned());
        for known in ["already known", "AlreadyKnown", "Known transaction", "transaction already imported"] {
            assert!(meant(known).is_none(), "{known}");
        }
        for poor in [
            "insufficient funds for gas * price + value: balance 0, tx cost 1, overshot 1",
            "InsufficientFunds, Account balance: 0, cumulative cost: 1",
            "Insufficient funds for gas * price + value",
            "Upfront cost exceeds account balance",
        ] {
            assert!(matches!(meant(poor), Some(ChainError::InsufficientFunds { .. })), "{poor}");
        }
        for other in ["nonce too low", "replacement transaction underpriced", "txpool is full"] {
            assert!(matches!(meant(other), Some(ChainError::NotTaken(_))), "{other}");
        }
    }
}
