//! What the cores hold of this key's signatures, compared with the journal before anything is signed. A journal that was
//! lost, or is an old copy, does not know what it must not contradict; the cores do, and cannot make it up: only what this
//! key has signed counts.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use futures::future::join_all;
use icc_attest::{Attestation, AttestationBatch, MAX_BATCH};
use icc_protocol::{Checkpoint, LaneId};
use tokio::time::{sleep, timeout};
use url::Url;

use crate::{Attestor, JournalError, fetch::fetch};

/// Most bytes of an answer: 256 attestations of at most 400 bytes, with room.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Attestations asked for at once where only a lane's newest matter. A core holds at most three of one nonce.
const FEW: usize = 8;
/// For one core to tell what is newest; what it does not manage by then counts as no answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two rounds of questions while no core answers.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Why this key must not sign with this journal.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The journal lacks something.
    #[error(
        "the journal lacks what this key has signed: nonce {} of lane {}, which {core} holds. It is an old copy, or \
         was lost, or the key is used elsewhere as well. Nothing is signed. Put the newest journal back; if there is \
         none, make sure that nothing else uses the key, and start once with --recover (see docs/operators.md)",
        checkpoint.nonce,
        checkpoint.lane
    )]
    Lacks {
        /// What is missing.
        checkpoint: Checkpoint,
        /// Who holds the signature.
        core: String,
    },
    /// This key has signed something else than the journal says: two accumulators for one nonce.
    #[error(
        "this key has signed {signed:?}, which {core} holds, but the journal has accumulator {recorded}: that is \
         equivocation, or was prevented from becoming it. Nothing is signed, and --recover does not help: find out \
         where else the key was used, or whether the chain has reverted what was final, and retire the key"
    )]
    Contradicts {
        /// What was signed.
        signed: Box<Checkpoint>,
        /// What the journal has.
        recorded: B256,
        /// Who holds the signature.
        core: String,
    },
    /// Recovery wants the word of every core that is configured.
    #[error(
        "{core} cannot be asked what this key has signed: {reason}. Recovery needs every core of validator.core_urls: \
         take out those that are gone for good"
    )]
    Unanswered {
        /// Which core.
        core: String,
        /// What happened.
        reason: String,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Waits until at least one core has said what this key has signed, and the journal has all of it. Without cores there
/// is nobody to ask.
///
/// # Errors
/// [`RecoverError`]: nothing may be signed.
pub async fn confirm(
    attestor: &Attestor,
    client: &reqwest::Client,
    cores: &[Url],
) -> Result<(), RecoverError> {
    if cores.is_empty() {
        tracing::warn!("validator.core_urls is empty: nobody can be asked whether the journal is whole");
        return Ok(());
    }
    let mut pause = PAUSE;
    loop {
        let asked = cores.iter().map(|url| async move {
            let core = Core { client, url, signer: attestor.address() };
            timeout(PATIENCE, core.compare_newest(attestor))
                .await
                .unwrap_or_else(|_| Err(Asked::Unanswered(format!("no end within {PATIENCE:?}"))))
        });
        let mut answered = 0;
        let mut reasons = Vec::new();
        for (url, outcome) in cores.iter().zip(join_all(asked).await) {
            match outcome {
                Ok(()) => answered += 1,
                Err(Asked::Refused(error)) => return Err(error),
                Err(Asked::Unanswered(reason)) => reasons.push(format!("{}: {reason}", name(url))),
            }
        }
        if answered > 0 {
            tracing::info!(cores = answered, "the journal has all that the cores hold of this key");
            return Ok(());
        }
        tracing::warn!(
            reasons = reasons.join("; "),
            "signing waits: no core has said what this key has signed; asking again"
        );
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Takes into the journal whatever any core holds of this key's signatures; returns how many were lacking. What no core
/// holds is not known to anybody: see the operators' guide.
///
/// # Errors
/// [`RecoverError`]; what was taken over stays.
pub async fn recover(
    attestor: &Attestor,
    client: &reqwest::Client,
    cores: &[Url],
) -> Result<u64, RecoverError> {
    let mut adopted = 0;
    for url in cores {
        let core = Core { client, url, signer: attestor.address() };
        adopted += core.adopt_all(attestor).await.map_err(|error| match error {
            Asked::Refused(error) => error,
            Asked::Unanswered(reason) => RecoverError::Unanswered { core: name(url), reason },
        })?;
    }
    tracing::info!(adopted, cores = cores.len(), "the journal now has all that the cores hold of this key");
    Ok(adopted)
}

enum Asked {
    Unanswered(String),
    Refused(RecoverError),
}

impl From<RecoverError> for Asked {
    fn from(error: RecoverError) -> Self {
        Self::Refused(error)
    }
}

impl From<JournalError> for Asked {
    fn from(error: JournalError) -> Self {
        Self::Refused(error.into())
    }
}

/// From where on a core is asked.
type Place = (LaneId, u64);

struct Core<'a> {
    client: &'a reqwest::Client,
    url: &'a Url,
    signer: Address,
}

impl Core<'_> {
    /// The journal is written in the order of nonces and can only lack the newest of a lane: all before is passed over.
    async fn compare_newest(&self, attestor: &Attestor) -> Result<(), Asked> {
        let mut from = (LaneId(B256::ZERO), 0);
        while let Some((page, last)) = self.page(from, FEW).await? {
            if let Some(checkpoint) = self.lacking(attestor, &page)?.first() {
                return Err(RecoverError::Lacks { checkpoint: *checkpoint, core: name(self.url) }.into());
            }
            let Some((lane, nonce)) = last else { return Ok(()) };
            let newest = attestor.journal().newest(lane)?.map(|newest| newest.nonce);
            from = (lane, nonce.max(newest.unwrap_or(0)));
        }
        Ok(())
    }

    async fn adopt_all(&self, attestor: &Attestor) -> Result<u64, Asked> {
        let mut from = (LaneId(B256::ZERO), 0);
        let mut adopted = 0;
        while let Some((page, last)) = self.page(from, MAX_BATCH).await? {
            let lacking = self.lacking(attestor, &page)?;
            adopted += lacking.len() as u64;
            attestor.journal().adopt(&lacking).map_err(|error| match error {
                crate::SignError::Journal(error) => Asked::from(error),
                crate::SignError::ContradictsSet { .. } => Asked::Unanswered(error.to_string()),
                crate::SignError::Contradicts { signed, recorded } => {
                    self.contradiction(signed, recorded).into()
                }
            })?;
            let Some(next) = last else { break };
            from = next;
        }
        Ok(adopted)
    }

    /// What of a page this key has signed and the journal does not have.
    fn lacking(&self, attestor: &Attestor, page: &[Attestation]) -> Result<Vec<Checkpoint>, RecoverError> {
        let mut lacking = Vec::new();
        for attestation in page {
            let checkpoint = attestation.checkpoint();
            let recorded = attestor.journal().accumulator(checkpoint.lane, checkpoint.nonce)?;
            if recorded == Some(checkpoint.accumulator) {
                continue;
            }
            if !attestor.is_own(attestation) {
                let (lane, nonce) = (checkpoint.lane, checkpoint.nonce);
                tracing::warn!(core = name(self.url), %lane, nonce, "told of a signature that this key never made");
                continue;
            }
            match recorded {
                Some(recorded) => return Err(self.contradiction(checkpoint, recorded)),
                None => lacking.push(checkpoint),
            }
        }
        Ok(lacking)
    }

    fn contradiction(&self, signed: Checkpoint, recorded: B256) -> RecoverError {
        RecoverError::Contradicts { signed: Box::new(signed), recorded, core: name(self.url) }
    }

    /// The next attestations in order, and where to go on, if there may be more; `None` at the end.
    async fn page(
        &self,
        from: Place,
        limit: usize,
    ) -> Result<Option<(Vec<Attestation>, Option<Place>)>, Asked> {
        let page = self.ask(from, limit).await.map_err(Asked::Unanswered)?;
        let places: Vec<Place> =
            page.iter().map(|attestation| (attestation.lane, attestation.nonce)).collect();
        let in_order = places.is_sorted() && places.first().is_none_or(|first| *first >= from);
        if page.len() > limit || !in_order {
            return Err(Asked::Unanswered("its answer is too long or not in order".to_owned()));
        }
        if page.is_empty() {
            return Ok(None);
        }
        let last = places.last().copied().filter(|_| page.len() == limit);
        if last == Some(from) {
            return Err(Asked::Unanswered("it repeats itself".to_owned()));
        }
        Ok(Some((page, last)))
    }

    async fn ask(&self, from: Place, limit: usize) -> Result<Vec<Attestation>, String> {
        let path =
            format!("v1/attestations?signer={}&lane={}&nonce={}&limit={limit}", self.signer, from.0, from.1);
        let batch: AttestationBatch = fetch(self.client, self.url, &path, MAX_ANSWER_BYTES).await?;
        Ok(batch.attestations)
    }
}

/// Without what a URL may hold of secrets.
fn name(url: &Url) -> String {
    let host = url.host_str().unwrap_or("a core");
    url.port().map_or_else(|| format!("core {host}"), |port| format!("core {host}:{port}"))
}
