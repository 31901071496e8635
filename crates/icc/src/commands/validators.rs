//! `icc validators`.

use std::{collections::BTreeMap, process::ExitCode, sync::Arc};

use alloy_primitives::{Address, B256};
use eyre::OptionExt;
use futures::{StreamExt, stream};
use icc_api::{CoreClient, ValidatorClient, read_validators};
use icc_attest::Participation;
use icc_chain::{Hub, Registration};
use icc_chain_evm::{Account, EvmHub};
use serde::Serialize;

use crate::{cli::ValidatorsArgs, commands::registration::Unit, output, wiring};

/// Validators asked at once.
const AT_ONCE: usize = 16;

#[derive(Serialize)]
struct Listed {
    epoch: u64,
    signed: u64,
    /// Of the signed epoch: what `validator.trusted_epoch` wants.
    signed_set_hash: B256,
    validators: Vec<One>,
}

#[derive(Serialize)]
struct One {
    validator: Address,
    standing: String,
    in_set: bool,
    bond: String,
    /// In percent: the median of what the others saw it do; absent if nobody says anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    participation: Option<u8>,
    /// For how many checkpoints it was late within the last day; absent without a core to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    late: Option<u64>,
    /// Absent if it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    url: String,
}

/// What one says of itself and the others.
type Said = (Option<String>, BTreeMap<Address, Participation>);

/// All validators of the newest epoch, and who waits.
pub(crate) async fn run(arguments: ValidatorsArgs, json: bool) -> eyre::Result<ExitCode> {
    let config = wiring::load(&arguments.file)?;
    let chain = wiring::hub_chain(&config)?;
    let registry = chain.registry.ok_or_eyre("the hub has no registry")?;
    let hub: Arc<dyn Hub> = Arc::new(EvmHub::new(&chain)?);
    let unit = Unit::read(&Account::new(chain, wiring::key_or_nobody(None)?)?, registry).await?;
    let progress = hub.progress().await?;
    let known = read_validators(hub.as_ref()).await?;
    let late = match arguments.core {
        Some(core) => Some(CoreClient::new(core)?.late().await?),
        None => None,
    };
    let client = ValidatorClient::new(wiring::http_client()?);
    let asking: Vec<_> = known.values().map(|one| ask(&client, one)).collect();
    let said: Vec<Said> = stream::iter(asking).buffered(AT_ONCE).collect().await;
    let duties: Vec<&BTreeMap<Address, Participation>> = said.iter().map(|(_, duty)| duty).collect();
    let validators = known.values().zip(&said).map(|(one, (version, _))| One {
        validator: one.key,
        standing: format!("{:?}", one.standing),
        in_set: one.in_set,
        bond: unit.text(one.bond),
        participation: median(one.key, &duties),
        late: late.as_ref().map(|late| late.get(&one.key).copied().unwrap_or(0)),
        version: version.clone(),
        url: one.url.clone(),
    });
    let listed = Listed {
        epoch: progress.newest,
        signed: progress.signed,
        signed_set_hash: hub.epoch(progress.signed).await?.record.set_hash,
        validators: validators.collect(),
    };
    output::result(json, &listed, &text(&listed))?;
    Ok(ExitCode::SUCCESS)
}

async fn ask(client: &ValidatorClient, one: &Registration) -> Said {
    let Ok(url) = one.url.parse() else { return (None, BTreeMap::new()) };
    let (identity, duty) = tokio::join!(client.identity(&url), client.duty(&url));
    let version = identity.ok().filter(|told| told.address.parse() == Ok(one.key)).map(|told| told.version);
    // A stranger at the URL has no say.
    let duty = if version.is_some() { duty.unwrap_or_default() } else { BTreeMap::new() };
    (version, duty)
}

/// So that no third of them can make it better or worse.
fn median(of: Address, duties: &[&BTreeMap<Address, Participation>]) -> Option<u8> {
    let seen = duties.iter().filter_map(|duty| duty.get(&of)).filter(|seen| seen.asked > 0);
    let mut parts: Vec<usize> = seen.map(|seen| seen.answered.min(seen.asked) * 100 / seen.asked).collect();
    parts.sort_unstable();
    parts.get(parts.len() / 2).and_then(|part| u8::try_from(*part).ok())
}

fn text(listed: &Listed) -> String {
    let mut text = format!(
        "epoch {}, signed to {} (set {})\n{:<42} {:>3} {:<9} {:<10} {:>6} {:>5} {:<8} url",
        listed.epoch,
        listed.signed,
        listed.signed_set_hash,
        "validator",
        "set",
        "standing",
        "bond",
        "part",
        "late",
        "version"
    );
    for one in &listed.validators {
        let place = if one.in_set { "in" } else { "out" };
        let part = one.participation.map_or_else(|| "?".to_owned(), |part| format!("{part} %"));
        let late = one.late.map_or_else(|| "?".to_owned(), |late| late.to_string());
        let version = one.version.as_deref().unwrap_or("silent");
        text.push_str(&format!(
            "\n{} {place:>3} {:<9} {:<10.10} {part:>6} {late:>5} {version:<8} {}",
            one.validator, one.standing, one.bond, one.url
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn participation_is_the_median_of_those_that_saw_it() {
        let key = Address::repeat_byte(1);
        let seen =
            |answered, asked| BTreeMap::from([(key, Participation { asked, answered, silent: false })]);
        let (all, none, half, never) = (seen(4, 4), seen(0, 4), seen(2, 4), seen(0, 0));
        assert_eq!(median(key, &[&all, &none, &half]), Some(50));
        assert_eq!(median(key, &[&never, &BTreeMap::new()]), None);
        assert_eq!(median(key, &[&seen(9, 4)]), Some(100), "nobody does more than all");
    }
}
