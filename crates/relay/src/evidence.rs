//! Submits proofs of lies: each once, by whichever core holds the lease of the chain's chores.

use std::time::Duration;

use async_trait::async_trait;
use icc_chain::{Call, ChainError};
use icc_protocol::ChainId;
use icc_store::{EvidenceRow, Store, StoreError};

use crate::{RelayError, lease::HeldLease, send::Sender};

const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// After submitting, before the registry is asked whether it holds.
const SUBMITTED_PAUSE: Duration = Duration::from_secs(60);
/// Tries of one proof: as long as a bond is locked. Anybody may still submit it after that.
const MAX_ATTEMPTS: u32 = 512;
/// How contracts refuse what somebody else has brought before, or what is no lie after all.
const SETTLED: [&str; 4] = ["AlreadyConvicted", "AlreadyReported", "NoLie", "CheckpointIsTrue"];

/// Whether a contract's refusal means that a proof need not be submitted any more.
pub fn is_settled(reason: &str) -> bool {
    SETTLED.iter().any(|settled| reason.starts_with(settled))
}

/// How a proof is submitted.
#[derive(Debug)]
pub enum Charge {
    /// By this call.
    Submit(Box<Call>),
    /// Not at all, for this reason.
    Settled(String),
    /// Not at present, for this reason.
    Later(String),
}

/// Tells how proofs are submitted.
#[async_trait]
pub trait Accuser: Send + Sync {
    /// What is to be submitted to a chain now; a few.
    async fn due(&self, chain: ChainId) -> Result<Vec<(EvidenceRow, Charge)>, StoreError>;
}

/// One endpoint's word that a proof is refused settles nothing: only that the registry has convicted does.
async fn put_off(store: &Store, row: &EvidenceRow, why: &str) -> Result<(), StoreError> {
    if row.attempts >= MAX_ATTEMPTS {
        return store.settle_evidence(row, why).await;
    }
    let pause = FIRST_PAUSE * 2u32.saturating_pow(row.attempts.min(16));
    store.note_evidence(row, why, pause.min(LONGEST_PAUSE)).await
}

/// Submits what is due.
pub(crate) async fn submit_evidence(
    sender: Sender<'_>,
    accuser: &dyn Accuser,
    lease: &HeldLease,
) -> Result<(), RelayError> {
    let (store, chain) = (sender.store, sender.submitter.chain());
    for (row, charge) in accuser.due(chain).await? {
        let (signer, kind) = (row.signer, &row.kind);
        let call = match charge {
            Charge::Submit(call) => call,
            Charge::Settled(why) => {
                tracing::warn!(%chain, %signer, kind, why, "evidence is not submitted");
                store.settle_evidence(&row, &why).await?;
                continue;
            }
            Charge::Later(why) => {
                put_off(store, &row, &why).await?;
                continue;
            }
        };
        match sender.send(&call, lease).await {
            Ok(spent) => {
                tracing::warn!(%chain, %signer, kind, gas = spent.gas, "evidence is submitted");
                metrics::counter!("icc_evidence_submitted_total", "chain" => chain.to_string()).increment(1);
                // Settled once the registry knows it: until then its block or its message may be lost.
                store.note_evidence(&row, "submitted", SUBMITTED_PAUSE).await?;
            }
            Err(RelayError::Chain(ChainError::Reverted { reason, .. })) => {
                tracing::warn!(%chain, %signer, kind, reason, attempts = row.attempts, "evidence is not taken");
                put_off(store, &row, &reason).await?;
            }
            // In a block after all, and too late: looked at again.
            Err(error @ RelayError::Reverted { .. }) => {
                store.note_evidence(&row, &error.to_string(), FIRST_PAUSE).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
