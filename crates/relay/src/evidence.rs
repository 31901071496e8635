//! Submits proofs of lies: each once, by whichever core holds the lease of the chain's chores.

use std::time::Duration;

use async_trait::async_trait;
use icc_chain::{Call, ChainError};
use icc_protocol::ChainId;
use icc_store::{EvidenceRow, StoreError};

use crate::{RelayError, lease::HeldLease, send::Sender};

const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Tries of one proof; anybody may still submit it after that.
const MAX_ATTEMPTS: u32 = 64;
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
}

/// Tells how proofs are submitted.
#[async_trait]
pub trait Accuser: Send + Sync {
    /// What is to be submitted to a chain now; a few.
    async fn due(&self, chain: ChainId) -> Result<Vec<(EvidenceRow, Charge)>, StoreError>;
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
        };
        match sender.send(&call, lease).await {
            Ok(spent) => {
                tracing::warn!(%chain, %signer, kind, gas = spent.gas, "evidence is submitted");
                metrics::counter!("icc_evidence_submitted_total", "chain" => chain.to_string()).increment(1);
                store.settle_evidence(&row, "submitted").await?;
            }
            Err(RelayError::Chain(ChainError::Reverted { reason, .. })) => {
                let settled = is_settled(&reason);
                tracing::warn!(%chain, %signer, kind, reason, attempts = row.attempts, "evidence is not taken");
                if settled || row.attempts >= MAX_ATTEMPTS {
                    store.settle_evidence(&row, &reason).await?;
                } else {
                    let pause = FIRST_PAUSE * 2u32.saturating_pow(row.attempts.min(16));
                    store.note_evidence(&row, &reason, pause.min(LONGEST_PAUSE)).await?;
                }
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
