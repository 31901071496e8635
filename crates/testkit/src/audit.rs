//! The audit after everything that is done to a devnet: `icc audit`, which reads the chains.

use std::{path::Path, time::Duration};

use eyre::{WrapErr, bail};
use icc_chain_evm::bindings::Gateway;
use icc_devnet::{Devnet, wait_settled};
use tokio::process::Command;

/// Everything sent is delivered once, in order, under a quorum's signatures, and all is backed: `icc audit --settled`,
/// as an operator runs it, with the binary `icc`.
///
/// # Errors
/// In the audit's own words.
pub async fn audit(devnet: &Devnet, icc: &Path, patience: Duration) -> eyre::Result<()> {
    wait_settled(devnet, patience).await?;
    let output = Command::new(icc)
        .args(["audit", "--settled", "--patience", &patience.as_secs().to_string(), "--config"])
        .arg(devnet.folder().join("icc.toml"))
        .kill_on_drop(true)
        .output()
        .await
        .wrap_err("icc audit")?;
    if !output.status.success() {
        let (said, told) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
        bail!("icc audit ended with {}:\n{}\n{}", output.status, told.trim(), said.trim());
    }
    Ok(())
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
