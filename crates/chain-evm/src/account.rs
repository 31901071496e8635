//! Accounts that send transactions: signing, broadcasting, receipts; and [`Account`], which does all three in turn for
//! users, deployments and tests.

use std::{sync::Arc, time::Duration};

use alloy_consensus::{SignableTransaction, TxEip1559};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U64, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall;
use futures::future::join_all;
use icc_chain::ChainError;
use icc_rpc::{Endpoint, EndpointError, Pool};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    EvmChain,
    fees::{FeePolicy, Fees},
    node,
};

/// How long a user's transaction may take to be in a block.
const INCLUSION_TIMEOUT: Duration = Duration::from_secs(120);

/// An EIP-1559 transaction before its signature.
pub(crate) struct Transaction {
    pub(crate) chain: u64,
    pub(crate) nonce: u64,
    pub(crate) to: Option<Address>,
    pub(crate) gas: u64,
    pub(crate) fees: Fees,
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
            value: U256::ZERO,
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
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RpcReceipt {
    transaction_hash: B256,
    status: U64,
    block_number: U64,
    gas_used: U64,
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
    }))
}

/// Fees by the newest block's base fee and the node's suggested tip.
pub(crate) async fn current_fees(pool: &Pool, policy: &FeePolicy, attempt: u32) -> Result<Fees, ChainError> {
    let (header, tip) = pool
        .first(|e: Endpoint| async move {
            let header = node::header(&e, &json!("latest")).await?;
            Ok((header, node::priority_fee(&e).await?))
        })
        .await?;
    let base_fee = header.and_then(|header| header.header.base_fee_per_gas).unwrap_or(0);
    policy.fees(base_fee.into(), tip, attempt)
}

/// Hands a signed transaction to all endpoints; one that takes it is enough.
pub(crate) async fn broadcast(pool: &Pool, signer: B256, raw: &Bytes) -> Result<(), ChainError> {
    let answers = join_all(pool.endpoints().iter().map(|endpoint| async move {
        (endpoint, endpoint.call::<B256>("eth_sendRawTransaction", json!([raw])).await)
    }))
    .await;
    let mut last = ChainError::NotTaken("no endpoint".to_owned());
    for (endpoint, answer) in answers {
        match answer {
            Ok(_) => return Ok(()),
            Err(EndpointError::Refused { message, .. }) => {
                let lower = message.to_lowercase();
                if lower.contains("already known") || lower.contains("already imported") {
                    return Ok(());
                }
                last = if lower.contains("insufficient funds") {
                    ChainError::InsufficientFunds { signer, reason: message }
                } else {
                    ChainError::NotTaken(message)
                };
            }
            Err(error) => last = endpoint.failed(error),
        }
    }
    Err(last)
}

/// An account that sends one transaction after another and waits for each.
pub struct Account {
    chain: EvmChain,
    pool: Pool,
    signer: Arc<PrivateKeySigner>,
}

impl Account {
    /// An account on a chain.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] without endpoints.
    pub fn new(chain: EvmChain, signer: Arc<PrivateKeySigner>) -> Result<Self, ChainError> {
        Ok(Self { pool: chain.pool()?, chain, signer })
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Its chain.
    pub fn chain(&self) -> &EvmChain {
        &self.chain
    }

    /// Refuses endpoints that are on another chain.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] naming the endpoint.
    pub async fn check_chain_id(&self) -> Result<(), ChainError> {
        crate::reader::check_chain_id(self.pool.endpoints(), self.chain.id).await
    }

    /// Its balance of native coin, in wei.
    ///
    /// # Errors
    /// Any [`ChainError`] of reading.
    pub async fn balance(&self) -> Result<U256, ChainError> {
        let address = self.address();
        self.pool.first(|e: Endpoint| async move { node::balance(&e, address).await }).await
    }

    /// Its next nonce.
    ///
    /// # Errors
    /// Any [`ChainError`] of reading.
    pub async fn nonce(&self) -> Result<u64, ChainError> {
        let address = self.address();
        self.pool.first(|e: Endpoint| async move { node::transaction_count(&e, address).await }).await
    }

    /// The code at an address.
    ///
    /// # Errors
    /// Any [`ChainError`] of reading.
    pub async fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        self.pool.first(|e: Endpoint| async move { node::code(&e, address).await }).await
    }

    /// Calls a view function at the newest block.
    ///
    /// # Errors
    /// [`ChainError::Reverted`], or [`ChainError::Misconfigured`] if there is no such contract.
    pub async fn view<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return, ChainError> {
        let data: Bytes = call.abi_encode().into();
        let from = self.address();
        let data = &data;
        let answer = self.pool.first(|e: Endpoint| async move { node::call(&e, from, to, data).await }).await?;
        C::abi_decode_returns_validate(&answer).map_err(|_| {
            ChainError::Misconfigured(format!(
                "{to} on chain {} does not answer {} as it should: no such contract there?",
                self.chain.id,
                C::SIGNATURE
            ))
        })
    }

    /// Sends a call to a contract and waits until it is in a block.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] if it would fail or has failed, and whatever keeps it from being taken.
    pub async fn send<C: SolCall>(&self, to: Address, call: C) -> Result<Receipt, ChainError> {
        self.transact(Some(to), call.abi_encode().into()).await
    }

    /// Sends raw calldata (`None`: creates a contract) and waits until it is in a block.
    ///
    /// # Errors
    /// As [`Account::send`].
    pub async fn transact(&self, to: Option<Address>, data: Bytes) -> Result<Receipt, ChainError> {
        let hash = self.submit(to, data).await?;
        self.wait(hash).await
    }

    /// Sends raw calldata and returns the transaction's hash without waiting.
    ///
    /// # Errors
    /// As [`Account::send`].
    pub async fn submit(&self, to: Option<Address>, data: Bytes) -> Result<B256, ChainError> {
        let from = self.address();
        let request = json!({"from": from, "to": to, "data": data});
        let request = &request;
        let gas = self.pool.first(|e: Endpoint| async move { node::estimate_gas(&e, request).await }).await?;
        let fees = current_fees(&self.pool, &self.chain.fees, 0).await?;
        let nonce = self.nonce().await?;
        let gas = gas + gas / 5;
        let transaction = Transaction { chain: self.chain.id.0, nonce, to, gas, fees, data };
        let (hash, raw) = transaction.sign(&self.signer)?;
        broadcast(&self.pool, from.into_word(), &raw).await?;
        Ok(hash)
    }

    /// Waits until a transaction is in a block.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] if it failed there, [`ChainError::NotTaken`] after two minutes.
    pub async fn wait(&self, transaction: B256) -> Result<Receipt, ChainError> {
        let start = Instant::now();
        while start.elapsed() < INCLUSION_TIMEOUT {
            if let Some(receipt) = receipt(&self.pool, transaction).await? {
                if receipt.success {
                    return Ok(receipt);
                }
                let reason = format!("transaction {transaction} failed in block {}", receipt.block);
                return Err(ChainError::Reverted { reason, data: Bytes::new() });
            }
            sleep(Duration::from_millis(50)).await;
        }
        Err(ChainError::NotTaken(format!("transaction {transaction} is in no block after {INCLUSION_TIMEOUT:?}")))
    }
}
