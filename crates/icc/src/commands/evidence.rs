//! `icc evidence`.

use std::{fs, path::Path, process::ExitCode};

use alloy_primitives::{Address, keccak256};
use eyre::{OptionExt, WrapErr, bail, ensure};
use icc_api::CoreClient;
use icc_attest::{Attestation, Evidence, Outbox, SignedSet};
use icc_chain::{ChainReader, Event, Hub};
use icc_chain_evm::{EvmHub, EvmReader};
use icc_protocol::{EpochRecord, Lane, fold};
use icc_service::config::Config;
use serde::Serialize;

use crate::{
    cli::{ConfigFile, EvidenceArgs, EvidenceWhat},
    commands::registration::hub_chain,
    output, wiring,
};

/// A proof has at most 256 leaves.
const MAX_FILE_BYTES: u64 = 256 * 1024;

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
        EvidenceWhat::List { core } => {
            let all = CoreClient::new(core)?.evidence().await?;
            let lines = all.iter().map(|one| {
                let kind = one.evidence["kind"].as_str().unwrap_or("unreadable");
                let outcome = one.outcome.as_deref().unwrap_or("to be submitted");
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
    let size = fs::metadata(file).wrap_err_with(|| format!("cannot read {}", file.display()))?.len();
    ensure!(size <= MAX_FILE_BYTES, "{} has {size} bytes; no evidence is so long", file.display());
    let text = fs::read_to_string(file).wrap_err_with(|| format!("cannot read {}", file.display()))?;
    let evidence: Evidence =
        serde_json::from_str(&text).wrap_err_with(|| format!("{} is no evidence", file.display()))?;
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
            let registered = EvmHub::new(&hub_chain(config)?)?.epoch(epoch).await.wrap_err("the registry")?;
            let told = EpochRecord { epoch, set_hash: *set_hash, hub_time: *hub_time };
            ensure!(registered.record == told, "the registry says otherwise: {:?}", registered.record);
            Ok(())
        }
    }
}

/// Folds the lane's messages up to the final block, as the chain has them.
async fn outbox_says(config: &Config, lane: &Lane, signed: &Attestation, told: &Outbox) -> eyre::Result<()> {
    let found = config.chains.iter().find(|(_, chain)| chain.id == lane.source_chain.0);
    let (name, chain_config) = found.ok_or_eyre("the lane's source is not in the configuration")?;
    let chain = wiring::chain(name, chain_config)?;
    ensure!(chain.gateway.into_word() == lane.source_gateway, "the lane is of another gateway of {name}");
    let max_range = chain.max_range;
    let reader = EvmReader::new(chain)?;
    let last = reader.finalized().await?.at.number;
    let end = told.accumulator.map(|_| signed.nonce + told.leaves.len() as u64);
    let (mut accumulator, mut nonce, mut at_signed) = (lane.id().0, 0u64, None);
    let mut from = chain_config.start_block + 1;
    while from <= last {
        let to = last.min(from.saturating_add(max_range - 1));
        for located in reader.events_in_range(from, to).await? {
            let Event::Sent(sent) = &located.event else { continue };
            if (sent.destination, sent.generation) != (lane.destination_chain, lane.generation) {
                continue;
            }
            (nonce, accumulator) = (nonce + 1, fold(accumulator, keccak256(&sent.message)));
            if nonce == signed.nonce {
                at_signed = Some(accumulator);
            }
            if Some(nonce) == end {
                ensure!(
                    accumulator == told.end,
                    "the chain has {accumulator} at nonce {nonce}: no lie is proved"
                );
            }
        }
        from = to + 1;
    }
    match (told.accumulator, at_signed) {
        (Some(told), Some(at_signed)) if told == at_signed => Ok(()),
        (None, None) => Ok(()),
        _ => bail!("the chain says otherwise at nonce {}: {at_signed:?}; no lie is proved", signed.nonce),
    }
}
