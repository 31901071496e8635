//! Epochs: made on the hub, signed by the validators of the one before, carried to every gateway. Anyone can do each of
//! these; cores do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use alloy_primitives::Address;
use async_trait::async_trait;
use icc_chain::{Call, ChainError, Epoch, Hub, Standing};
use icc_protocol::{CompactSignature, Domain, EpochRecord, SignatureSet};

use crate::{EpochKeeping, RelayError, evidence::is_settled, lease::HeldLease, send::Sender};

/// Epochs that a gateway is rotated through in one round.
const MOST_AT_ONCE: u64 = 16;

/// Where signatures on sets come from: the validators' own URLs.
#[async_trait]
pub trait SetVoices: Send + Sync {
    /// What members of a set have signed of an epoch, as they say; to be verified.
    async fn signatures(&self, epoch: u64, members: &[Address]) -> Vec<(EpochRecord, CompactSignature)>;
    /// What members of a set say of who is silent, as they say: whom, in which epoch, signed; to be verified.
    async fn silent(&self, members: &[Address]) -> Vec<(Address, u64, CompactSignature)>;
    /// A member signed another record than the registry's of the same epoch.
    async fn false_set(
        &self,
        signer: Address,
        signed: (EpochRecord, CompactSignature),
        registered: &EpochRecord,
    );
}

/// What members have signed of one epoch: not all of them answer at the same moment.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Option<Signed>>>);

type Signed = (EpochRecord, BTreeMap<Address, CompactSignature>);

impl Heard {
    /// All that was heard of this record, with what is new.
    fn with(
        &self,
        record: &EpochRecord,
        new: Vec<(Address, CompactSignature)>,
    ) -> Vec<(Address, CompactSignature)> {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, signatures) = heard.get_or_insert_with(|| (*record, BTreeMap::new()));
        if of != record {
            (*of, *signatures) = (*record, BTreeMap::new());
        }
        signatures.extend(new);
        signatures.iter().map(|(signer, signature)| (*signer, *signature)).collect()
    }
}

/// What keeps epochs going: on the hub, posts what a quorum has signed, and makes the next epoch when it is due.
pub(crate) async fn keep_epochs(
    sender: Sender<'_>,
    keeping: &EpochKeeping,
    lease: &HeldLease,
) -> Result<(), RelayError> {
    let EpochKeeping { hub, voices, domain, heard } = keeping;
    let progress = hub.progress().await?;
    if progress.signed < progress.newest {
        let (present, next) = (hub.epoch(progress.signed).await?, hub.epoch(progress.signed + 1).await?);
        let told = voices.signatures(next.record.epoch, present.set.members()).await;
        for signed in told.iter().filter(|(record, _)| *record != next.record) {
            // Signed by whom, only the signature tells.
            if let Ok(signer) = signed.0.signer(domain, &signed.1)
                && signed.0.epoch == next.record.epoch
                && present.set.position(&signer).is_some()
            {
                voices.false_set(signer, *signed, &next.record).await;
            }
        }
        let signatures = heard.with(&next.record, of_members(&present, &next.record, told, domain));
        let votes = signatures.len();
        metrics::gauge!("icc_epoch_signatures").set(votes as f64);
        if let Some(packed) = SignatureSet::of_quorum(&present.set, signatures) {
            let epoch = next.record.epoch;
            let call = Call::PostSignatures { epoch, signatures: packed.pack().into() };
            sender.send(&call, lease).await?;
            tracing::info!(epoch, votes, "an epoch's signatures are posted");
        } else {
            tracing::debug!(epoch = next.record.epoch, votes, "an epoch waits for signatures");
        }
    }
    // Because somebody comes or goes, or because the set grows old: by the hub's clock, as gateways refuse what is older
    // than seven days by theirs.
    if progress.due {
        sender.send(&Call::MakeEpoch, lease).await?;
        tracing::info!(epoch = progress.newest + 1, "an epoch is made");
    }
    Ok(())
}

/// Puts out whom a quorum of the newest signed epoch finds silent.
pub(crate) async fn jail_silent(
    sender: Sender<'_>,
    keeping: &EpochKeeping,
    lease: &HeldLease,
) -> Result<(), RelayError> {
    let EpochKeeping { hub, voices, domain, .. } = keeping;
    let progress = hub.progress().await?;
    let present = hub.epoch(progress.signed).await?;
    let mut words: BTreeMap<Address, Vec<(Address, CompactSignature)>> = BTreeMap::new();
    for (silent, epoch, signature) in voices.silent(present.set.members()).await {
        let Ok(signer) = signature.recover(&domain.jail_digest(silent, progress.signed)) else { continue };
        let said = words.entry(silent).or_default();
        if epoch == progress.signed
            && present.set.position(&signer).is_some()
            && said.iter().all(|(known, _)| *known != signer)
        {
            said.push((signer, signature));
        }
    }
    for (validator, signatures) in words {
        let Some(packed) = SignatureSet::of_quorum(&present.set, signatures) else {
            continue;
        };
        if hub.registration(validator).await?.standing != Standing::Active {
            continue;
        }
        sender.send(&Call::Jail { validator, signatures: packed.pack().into() }, lease).await?;
        tracing::warn!(%validator, "a silent validator is jailed");
    }
    Ok(())
}

/// The signatures of members on exactly this record.
fn of_members(
    present: &Epoch,
    record: &EpochRecord,
    told: Vec<(EpochRecord, CompactSignature)>,
    domain: &Domain,
) -> Vec<(Address, CompactSignature)> {
    let mut seen = BTreeSet::new();
    let honest = told.into_iter().filter(|(signed, _)| signed == record);
    let by = honest.filter_map(|(_, signature)| Some((record.signer(domain, &signature).ok()?, signature)));
    by.filter(|(signer, _)| present.set.position(signer).is_some() && seen.insert(*signer)).collect()
}

/// Rotates a gateway to the newest signed epoch, one after the other, and reports where it is once somebody's bond waits
/// for that.
pub(crate) async fn follow_epochs(
    sender: Sender<'_>,
    hub: &dyn Hub,
    lease: &HeldLease,
) -> Result<(), RelayError> {
    let signed = hub.progress().await?.signed;
    let mut held = sender.submitter.held_epoch().await?;
    let chain = sender.submitter.chain();
    for epoch in (held + 1..=signed).take(MOST_AT_ONCE as usize) {
        let next = hub.epoch(epoch).await?;
        sender.send(&Call::Rotate(Box::new(next)), lease).await?;
        tracing::info!(%chain, epoch, "gateway rotated");
        held = epoch;
    }
    metrics::gauge!("icc_gateway_epoch", "chain" => chain.to_string()).set(held as f64);
    let Some(known) = hub.held_epoch(chain).await? else { return Ok(()) };
    // Who left longer ago than is looked at is told as well: then without having looked.
    if held.saturating_sub(known) > MOST_AT_ONCE || somebody_left(hub, known, held).await? {
        match sender.send(&Call::ReportEpoch { epoch: held }, lease).await {
            Ok(_) => tracing::info!(%chain, epoch = held, "gateway reports its epoch"),
            // The report is on its way.
            Err(RelayError::Chain(ChainError::Reverted { reason, .. })) if is_settled(&reason) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether an epoch after `known` and up to `held` lacks somebody that the one before it had.
async fn somebody_left(hub: &dyn Hub, known: u64, held: u64) -> Result<bool, RelayError> {
    let from = known.max(1);
    let mut before: Option<Epoch> = None;
    for epoch in from..=held {
        // Epochs from before the registry are not known to it.
        let Ok(now) = hub.epoch(epoch).await else { continue };
        if let Some(before) = before
            && before.set.members().iter().any(|member| now.set.position(member).is_none())
        {
            return Ok(true);
        }
        before = Some(now);
    }
    Ok(false)
}
