//! What waits in a chain's pool of transactions.

use alloy_primitives::{Address, B256, Bytes, U64, U128};
use alloy_sol_types::SolCall;
use eyre::WrapErr;
use icc_chain_evm::bindings::Gateway;
use icc_devnet::Anvil;
use icc_protocol::ChainId;
use serde_json::{Value, json};

use crate::scene::until;

/// A transaction that is in no block yet.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its hash.
    pub hash: B256,
    /// Who sent it.
    pub from: Address,
    /// His nonce.
    pub nonce: u64,
    /// What it offers at most, in wei per gas.
    pub max_fee: u128,
    /// What it calls with.
    pub input: Bytes,
}

impl Waiting {
    /// Whether it is a delivery from a chain.
    pub fn delivers_from(&self, chain: ChainId) -> bool {
        Gateway::deliverCall::abi_decode_validate(&self.input)
            .is_ok_and(|call| call.delivery.source.chain == chain.0)
    }

    /// Whether it calls this function.
    pub fn calls<C: SolCall>(&self) -> bool {
        self.input.starts_with(&C::SELECTOR)
    }
}

/// All that waits, also behind a gap in its sender's nonces.
///
/// # Errors
/// If the chain cannot be asked.
pub async fn waiting(chain: &Anvil) -> eyre::Result<Vec<Waiting>> {
    let content = chain.rpc("txpool_content", json!([])).await?;
    let mut all = Vec::new();
    for queue in ["pending", "queued"] {
        let by_sender = content[queue].as_object().into_iter().flatten();
        for transaction in by_sender.flat_map(|(_, by_nonce)| by_nonce.as_object().into_iter().flatten()) {
            all.push(read(transaction.1).wrap_err("txpool_content")?);
        }
    }
    Ok(all)
}

/// Waits for a transaction to wait.
///
/// # Errors
/// If none comes.
pub async fn until_waiting(
    chain: &Anvil,
    what: &str,
    wanted: impl Fn(&Waiting) -> bool,
) -> eyre::Result<Waiting> {
    until(what, async || Ok(waiting(chain).await?.into_iter().find(|one| wanted(one)))).await
}

fn read(transaction: &Value) -> eyre::Result<Waiting> {
    let field = |name: &str| transaction[name].clone();
    let max_fee = match field("maxFeePerGas") {
        Value::Null => field("gasPrice"),
        fee => fee,
    };
    Ok(Waiting {
        hash: serde_json::from_value(field("hash"))?,
        from: serde_json::from_value(field("from"))?,
        nonce: serde_json::from_value::<U64>(field("nonce"))?.to(),
        max_fee: serde_json::from_value::<U128>(max_fee)?.to(),
        input: serde_json::from_value(field("input"))?,
    })
}
