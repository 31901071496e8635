//! Attestations in: checked, compared with this core's own final view, stored.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use icc_attest::{Attestation, Comparison, compare, verify};
use icc_protocol::{Domain, LaneId, ValidatorSet};
use icc_store::{IntakeOutcome, LaneRow, Store, StoreError, StoredAttestation};
use tokio::sync::RwLock;

use crate::{IntakeAnswer, RefusedAttestation, Watchtower, throttle::Throttle};

/// Intake could not be done; the sender may try again.
#[derive(Debug, thiserror::Error)]
pub enum IntakeFailure {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lies of one batch about one lane that are looked at, and lanes of one batch that are not known: what comes after them is
/// refused unseen, so that a flood of lies costs little more than its reading.
const MOST_LIES: usize = 4;

/// What was found wrong with a batch so far.
#[derive(Default)]
struct Wrongs {
    lies: HashMap<LaneId, usize>,
    unknown_lanes: usize,
}

/// How attestations came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Somebody sent them: no more of one signer than any honest one signs.
    Pushed,
    /// This core has asked for them, at its own pace.
    Asked,
}

/// Why one attestation is not taken.
enum Refused {
    /// It is nobody's, or not true.
    Lie(String),
    /// Its lane is not known here.
    UnknownLane(String),
    /// It may be true.
    NotYet(String),
}

impl Wrongs {
    /// Why an attestation of a lane is not even looked at.
    fn refuses(&self, lane: LaneId) -> Option<&'static str> {
        if self.lies.get(&lane).is_some_and(|lies| *lies >= MOST_LIES) {
            return Some("signature: too many of this batch and lane are wrong; this one was not looked at");
        }
        let unknown = self.unknown_lanes >= MOST_LIES;
        unknown.then_some("lane: too many of this batch are not known; this one was not looked at")
    }

    fn note(&mut self, lane: LaneId, refused: Refused) -> String {
        match refused {
            Refused::Lie(error) => {
                *self.lies.entry(lane).or_default() += 1;
                error
            }
            Refused::UnknownLane(error) => {
                self.unknown_lanes += 1;
                error
            }
            Refused::NotYet(error) => error,
        }
    }
}

/// Takes attestations in.
#[derive(Clone)]
pub struct Intake {
    store: Store,
    domain: Domain,
    watchtower: Watchtower,
    throttle: Throttle,
    /// Lanes never change once they are open: a static fact.
    lanes: Arc<RwLock<HashMap<LaneId, LaneRow>>>,
}

impl Intake {
    /// An intake of one network, which has lies kept as evidence.
    pub fn new(store: Store, domain: Domain, watchtower: Watchtower) -> Self {
        let (throttle, lanes) = Default::default();
        Self { store, domain, watchtower, throttle, lanes }
    }

    /// Checks and stores a batch. Bad ones are told one by one; they do not keep good ones out.
    ///
    /// # Errors
    /// [`IntakeFailure`] when the database fails; what was stored stays stored.
    pub async fn take(&self, batch: &[Attestation], from: Origin) -> Result<IntakeAnswer, IntakeFailure> {
        let mut answer = IntakeAnswer::default();
        let mut sets: HashMap<u64, Option<ValidatorSet>> = HashMap::new();
        let mut wrongs = Wrongs::default();
        for (index, attestation) in batch.iter().enumerate() {
            if let Some(error) = wrongs.refuses(attestation.lane) {
                metrics::counter!("icc_attestations_refused_total").increment(1);
                answer.refused.push(RefusedAttestation { index, error: error.to_owned() });
                continue;
            }
            let refused = match self.take_one(attestation, from, &mut sets).await? {
                Ok(IntakeOutcome::Duplicate) => {
                    answer.duplicates += 1;
                    continue;
                }
                Ok(IntakeOutcome::Counted(_) | IntakeOutcome::Quorum(_)) => {
                    answer.accepted += 1;
                    continue;
                }
                Ok(IntakeOutcome::TooFarAhead) => "nonce: is far beyond what is indexed".to_owned(),
                Ok(IntakeOutcome::Equivocator) => {
                    "accumulator: the signer has signed two others for this nonce".to_owned()
                }
                Err(refused) => wrongs.note(attestation.lane, refused),
            };
            metrics::counter!("icc_attestations_refused_total").increment(1);
            answer.refused.push(RefusedAttestation { index, error: refused });
        }
        Ok(answer)
    }

    async fn take_one(
        &self,
        attestation: &Attestation,
        from: Origin,
        sets: &mut HashMap<u64, Option<ValidatorSet>>,
    ) -> Result<Result<IntakeOutcome, Refused>, IntakeFailure> {
        if self.throttle.knows(attestation) {
            return Ok(Ok(IntakeOutcome::Duplicate));
        }
        let Some(lane) = self.lane(attestation.lane).await? else {
            let error = format!("lane: {} is not open, or not indexed yet", attestation.lane);
            return Ok(Err(Refused::UnknownLane(error)));
        };
        let destination = lane.destination_chain;
        let set = match sets.entry(destination.0) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(self.store.current_set(destination).await?.map(|(_, set)| set)),
        };
        let Some(set) = set.as_ref() else {
            let error = format!("lane: the validator set of chain {destination} is not indexed yet");
            return Ok(Err(Refused::NotYet(error)));
        };
        let verified = match verify(&self.domain, set, attestation) {
            Ok(verified) => verified,
            Err(error) => return Ok(Err(Refused::Lie(error.to_string()))),
        };
        let stored = StoredAttestation {
            checkpoint: verified.checkpoint,
            signer: verified.signer,
            signature: verified.signature,
        };
        let own = self.store.final_accumulator(attestation.lane, attestation.nonce).await?;
        if let Comparison::Conflicts { own } = compare(own, attestation.accumulator) {
            metrics::counter!("icc_attestations_conflicting_total").increment(1);
            let looked_at = self.watchtower.contradicted(&stored).await;
            // Also when it could not be kept.
            if !matches!(looked_at, Ok(false)) {
                tracing::error!(
                    signer = %verified.signer, lane = %attestation.lane, nonce = attestation.nonce, %own,
                    signed = %attestation.accumulator, "ATTESTATION CONFLICTS with this core's final view"
                );
            }
            looked_at?;
            return Ok(Err(Refused::Lie(format!("accumulator: this core holds {own} as final"))));
        }
        if from == Origin::Pushed && !self.throttle.lets_through(verified.signer) {
            let error = "signature: too many of this signer for now; what it has signed will be asked for";
            return Ok(Err(Refused::Lie(error.to_owned())));
        }
        let taken = self.store.add_attestation(&stored, set).await?;
        self.throttle.remember(attestation);
        if taken.equivocates {
            self.watchtower.equivocated(&stored).await?;
        }
        Ok(Ok(taken.outcome))
    }

    async fn lane(&self, id: LaneId) -> Result<Option<LaneRow>, StoreError> {
        if let Some(lane) = self.lanes.read().await.get(&id) {
            return Ok(Some(*lane));
        }
        let lane = self.store.lane(id).await?;
        if let Some(lane) = lane {
            self.lanes.write().await.insert(id, lane);
        }
        Ok(lane)
    }
}
