//! The audit after every scenario: read from the chains alone.

use std::time::{Duration, Instant};

use eyre::WrapErr;
use icc_chain_evm::bindings::Gateway;
use icc_devnet::{Devnet, audit_token, wait_settled};
use tokio::time::sleep;

use crate::load::Load;

/// Everything sent is delivered, supply = held = escrow for each of the load's tokens, and no unit is lost or made.
///
/// # Errors
/// Naming what differs.
pub async fn audit(devnet: &Devnet, load: &Load, patience: Duration) -> eyre::Result<()> {
    wait_settled(devnet, patience).await?;
    let began = Instant::now();
    loop {
        // A message that was delivered but failed, or that leads to another one, is done soon after.
        let outcome = books(devnet, load).await;
        if outcome.is_ok() || began.elapsed() > patience {
            return outcome;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

async fn books(devnet: &Devnet, load: &Load) -> eyre::Result<()> {
    for token in load.tokens() {
        let name = &devnet.configs[token.home].name;
        let audit = audit_token(devnet, token.home, token.at[token.home]).await?;
        audit.check().wrap_err_with(|| format!("token of {name}"))?;
    }
    load.check_units().await
}

/// Messages in all outboxes.
///
/// # Errors
/// If a chain cannot be read.
pub async fn messages_sent(devnet: &Devnet) -> eyre::Result<u64> {
    let mut total = 0;
    for (from, source) in devnet.configs.iter().enumerate() {
        let account = devnet.account(from)?;
        for destination in devnet.configs.iter().filter(|chain| chain.id != source.id) {
            let call = Gateway::outboxCall { chain: destination.id.0 };
            total += account.view(source.gateway, call).await?.nonce;
        }
    }
    Ok(total)
}
