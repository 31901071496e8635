//! Accounts that send transactions in turn and wait for each: for users, deployments and tests.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolCall;
use icc_chain::ChainError;
use icc_rpc::{Endpoint, Pool};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    EvmChain, node,
    transaction::{Receipt, Transaction, broadcast, current_fees, receipt},
    view::Viewer,
};

/// How long a user's transaction may take to be in a block.
const INCLUSION_TIMEOUT: Duration = Duration::from_secs(120);

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
        crate::reader::check_chain_id(self.pool.endpoints(), self.chain.id, 0).await
    }

    /// Its balance of native coin, in wei.
    ///
    /// # Errors
    /// Any [`ChainError`] of reading.
    pub async fn balance(&self) -> Result<U256, ChainError> {
        let address = self.address();
        self.pool.first(|e: Endpoint| async move { node::balance(&e, address).await }).await
    }

    /// Wei per gas that a transaction pays at present.
    ///
    /// # Errors
    /// Any [`ChainError`] of reading.
    pub async fn gas_cost(&self) -> Result<u128, ChainError> {
        crate::transaction::present_cost(&self.pool).await
    }

    /// Its next nonce.
    ///
    /// # Errors
    /// Any [`ChainError`] of reading.
    pub async fn nonce(&self) -> Result<u64, ChainError> {
        let address = self.address();
        self.pool.first(|e: Endpoint| async move { node::transaction_count(&e, address).await }).await
    }

    /// The chain's newest block.
    ///
    /// # Errors
    /// Any [`ChainError`] of reading.
    pub async fn head(&self) -> Result<u64, ChainError> {
        self.pool.first(|e: Endpoint| async move { node::block_number(&e).await }).await
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
        Viewer::now(&self.pool, self.chain.id, self.address()).view(to, call).await
    }

    /// Sends a call to a contract and waits until it is in a block.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] if it would fail or has failed, and whatever keeps it from being taken.
    pub async fn send<C: SolCall>(&self, to: Address, call: C) -> Result<Receipt, ChainError> {
        self.pay(to, call, U256::ZERO).await
    }

    /// As [`Account::send`], with native coin.
    ///
    /// # Errors
    /// As [`Account::send`].
    pub async fn pay<C: SolCall>(&self, to: Address, call: C, value: U256) -> Result<Receipt, ChainError> {
        let hash = self.submit(Some(to), call.abi_encode().into(), value).await?;
        self.wait(hash).await
    }

    /// Sends raw calldata (`None`: creates a contract) and waits until it is in a block.
    ///
    /// # Errors
    /// As [`Account::send`].
    pub async fn transact(&self, to: Option<Address>, data: Bytes) -> Result<Receipt, ChainError> {
        let hash = self.submit(to, data, U256::ZERO).await?;
        self.wait(hash).await
    }

    /// Sends raw calldata and returns the transaction's hash without waiting.
    ///
    /// # Errors
    /// As [`Account::send`].
    pub async fn submit(&self, to: Option<Address>, data: Bytes, value: U256) -> Result<B256, ChainError> {
        let from = self.address();
        let request = json!({"from": from, "to": to, "data": data, "value": value});
        let request = &request;
        let gas = self.pool.first(|e: Endpoint| async move { node::estimate_gas(&e, request).await }).await?;
        let fees = current_fees(&self.pool, &self.chain.fees, 0).await?;
        let nonce = self.nonce().await?;
        let gas = gas + gas / 5;
        let transaction = Transaction { chain: self.chain.id.0, nonce, to, gas, fees, value, data };
        let (hash, raw) = transaction.sign(&self.signer)?;
        broadcast(&self.pool, from.into_word(), &raw).await?;
        Ok(hash)
    }

    /// Sends several calls to one contract without waiting between them, with consecutive nonces; returns the
    /// transactions. Gas is estimated for the first and given to all.
    ///
    /// # Errors
    /// As [`Account::send`]; what was sent before the failing one stays sent.
    pub async fn burst(&self, to: Address, calls: &[Bytes]) -> Result<Vec<B256>, ChainError> {
        let Some(first) = calls.first() else { return Ok(Vec::new()) };
        self.burst_with_gas(to, calls, self.estimate(to, first).await?).await
    }

    /// Gas that a call takes now.
    ///
    /// # Errors
    /// [`ChainError::Reverted`] with the decoded reason, or if the chain cannot be asked.
    pub async fn estimate(&self, to: Address, data: &Bytes) -> Result<u64, ChainError> {
        let request = &json!({"from": self.address(), "to": to, "data": data});
        self.pool.first(|e: Endpoint| async move { node::estimate_gas(&e, request).await }).await
    }

    /// As [`Account::burst`], for calls of which is known what each takes: `gas`. Half as much more is offered.
    ///
    /// # Errors
    /// As [`Account::burst`].
    pub async fn burst_with_gas(
        &self,
        to: Address,
        calls: &[Bytes],
        gas: u64,
    ) -> Result<Vec<B256>, ChainError> {
        let from = self.address();
        let fees = current_fees(&self.pool, &self.chain.fees, 0).await?;
        // After what is still on its way.
        let mut nonce = self
            .pool
            .first(|e: Endpoint| async move { node::pending_transaction_count(&e, from).await })
            .await?;
        let mut hashes = Vec::with_capacity(calls.len());
        for data in calls {
            let (chain, gas, data) = (self.chain.id.0, gas + gas / 2, data.clone());
            let value = U256::ZERO;
            let (hash, raw) =
                Transaction { chain, nonce, to: Some(to), gas, fees, value, data }.sign(&self.signer)?;
            broadcast(&self.pool, from.into_word(), &raw).await?;
            hashes.push(hash);
            nonce += 1;
        }
        Ok(hashes)
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
        Err(ChainError::NotTaken(format!(
            "transaction {transaction} is in no block after {INCLUSION_TIMEOUT:?}"
        )))
    }
}
