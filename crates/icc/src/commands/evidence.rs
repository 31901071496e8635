//! `icc evidence`.

use std::{path::Path, process::ExitCode};

use alloy_primitives::Address;
use eyre::{WrapErr, ensure};
use icc_api::CoreClient;
use icc_attest::{Attestation, Evidence, Outbox, SignedSet};
use icc_chain::Hub;
use icc_chain_evm::EvmHub;
use icc_protocol::{EpochRecord, Lane};
use icc_service::config::Config;
use serde::Serialize;
use serde_json::json;

use crate::{
    cli::{ConfigFile, EvidenceArgs, EvidenceWhat},
    output,
    prosecute::{self, UpTo, Verdict, sent_on},
    wiring,
};

#[derive(Serialize)]
struct Verified {
    kind: String,
    signer: Address,
    /// What has to be compared with a chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    rests_on: Option<String>,
    /// Whether it was, and is so.
    compared: bool,
}

pub(crate) async fn run(arguments: EvidenceArgs, json: bool) -> eyre::Result<ExitCode> {
    match arguments.what {
        EvidenceWhat::Verify { file, config } => verify(&file, config, json).await,
        EvidenceWhat::Submit { file, config, keys } => {
            let (config, evidence) = (wiring::load(&config)?, prosecute::read(&file)?);
            let verdict = prosecute::prosecute(&config, &evidence, &keys.one()?).await?;
            let (submitted, text) = match verdict {
                Verdict::Submitted(transaction) => (Some(transaction), format!("submitted by {transaction}")),
                Verdict::Needless(why) => (None, format!("not submitted, as nothing is to be done: {why}")),
            };
            output::result(json, &json!({"transaction": submitted, "says": text}), &text)?;
            Ok(ExitCode::SUCCESS)
        }
        EvidenceWhat::List { core } => {
            let all = CoreClient::new(core)?.evidence().await?;
            let lines = all.iter().map(|one| {
                let kind = one.evidence["kind"].as_str().unwrap_or("unreadable");
                let outcome = one.outcome.as_deref().unwrap_or("under way");
                format!("{} {kind}, chain {}: {outcome}", one.signer, one.chain)
            });
            let text: Vec<String> = lines.collect();
            let text = if text.is_empty() { "none".to_owned() } else { text.join("\n") };
            output::result(json, &all, &text)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn verify(file: &Path, config: Option<std::path::PathBuf>, json: bool) -> eyre::Result<ExitCode> {
    let evidence = prosecute::read(file)?;
    let proved = evidence.verify().wrap_err("this proves nothing")?;
    let mut compared = false;
    if let Some(config) = config {
        let config = wiring::load(&ConfigFile { config })?;
        ensure!(
            config.network == evidence.network(),
            "this is of network {}, and the configuration of another",
            evidence.network()
        );
        compare(&config, &evidence).await?;
        compared = proved.rests_on.is_some();
    }
    let kind = evidence.kind().to_owned();
    let mut text = format!("{} lied ({kind}): the signatures are its own", proved.signer);
    match &proved.rests_on {
        Some(rests_on) if compared => text.push_str(&format!("\nand the chain says so too: {rests_on}")),
        Some(rests_on) => text.push_str(&format!("\nif this is so on the chain (see --config): {rests_on}")),
        None => text.push_str(", and contradict each other"),
    }
    let verified = Verified { kind, signer: proved.signer, rests_on: proved.rests_on, compared };
    output::result(json, &verified, &text)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads from the chain what an evidence rests on.
async fn compare(config: &Config, evidence: &Evidence) -> eyre::Result<()> {
    match evidence {
        Evidence::Equivocation { .. } => Ok(()),
        Evidence::FalseCheckpoint { lane, signed, outbox } => outbox_says(config, lane, signed, outbox).await,
        Evidence::FalseSet { signed, set_hash, hub_time, .. } => {
            let SignedSet { epoch, .. } = *signed;
            let registered =
                EvmHub::new(&wiring::hub_chain(config)?)?.epoch(epoch).await.wrap_err("the registry")?;
            let told = EpochRecord { epoch, set_hash: *set_hash, hub_time: *hub_time };
            ensure!(registered.record == told, "the registry says otherwise: {:?}", registered.record);
            Ok(())
        }
    }
}

/// The lane's messages up to the final block, as the chain has them.
async fn outbox_says(config: &Config, lane: &Lane, signed: &Attestation, told: &Outbox) -> eyre::Result<()> {
    let sent = sent_on(config, lane, signed, Address::ZERO, UpTo::Final).await?;
    ensure!(
        sent.accumulator == told.accumulator,
        "the chain says otherwise at nonce {}: {:?}; no lie is proved",
        signed.nonce,
        sent.accumulator
    );
    ensure!(
        sent.leaves.starts_with(&told.leaves),
        "the chain has other messages after nonce {}",
        signed.nonce
    );
    Ok(())
}
