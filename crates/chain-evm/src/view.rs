//! View functions, called through any endpoint of a pool.

use alloy_primitives::{Address, Bytes};
use alloy_sol_types::SolCall;
use icc_chain::ChainError;
use icc_protocol::ChainId;
use icc_rpc::{Endpoint, Pool};
use serde_json::{Value, json};

use crate::node;

/// Who asks, where and when.
pub(crate) struct Viewer<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) chain: ChainId,
    pub(crate) from: Address,
    /// A block's number or tag.
    pub(crate) block: Value,
}

impl<'a> Viewer<'a> {
    /// At the newest block.
    pub(crate) fn now(pool: &'a Pool, chain: ChainId, from: Address) -> Self {
        Self { pool, chain, from, block: json!("latest") }
    }

    pub(crate) async fn view<C: SolCall>(&self, to: Address, call: C) -> Result<C::Return, ChainError> {
        let data: Bytes = call.abi_encode().into();
        let (from, data, block) = (self.from, &data, &self.block);
        let ask = |e: Endpoint| async move { node::call(&e, from, (to, data), block).await };
        let answer = self.pool.first(ask).await?;
        C::abi_decode_returns_validate(&answer).map_err(|_| {
            ChainError::Misconfigured(format!(
                "{to} on chain {} does not answer {} as it should: no such contract there?",
                self.chain,
                C::SIGNATURE
            ))
        })
    }
}
