//! Waits for inclusion; offers more when a transaction is stuck.

use std::time::Duration;

use alloy_primitives::B256;
use icc_chain::{ChainError, Outcome, Submission, Submitter};
use tokio::time::{Instant, sleep};

use crate::RelayError;

/// Offers for one sequence number before it is reported as stuck.
const MAX_OFFERS: u32 = 24;
const POLL: Duration = Duration::from_millis(100);
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// Submits until one of the transactions for this sequence number is in a block. A stuck transaction of a core that
/// died, under the same sequence number, is replaced like one's own: no new key is ever needed.
pub(crate) async fn confirm(
    submitter: &dyn Submitter,
    mut submission: Submission<'_>,
    replace_after: Duration,
    may_go_on: impl Fn() -> Result<(), RelayError>,
) -> Result<u64, RelayError> {
    let mut transactions = Vec::new();
    for _ in 0..MAX_OFFERS {
        may_go_on()?;
        match submitter.submit(&submission).await {
            Ok(transaction) => transactions.push(transaction),
            Err(ChainError::NotTaken(reason)) => {
                tracing::debug!(chain = %submitter.chain(), reason, attempt = submission.attempt, "transaction not taken");
                if let Some(gas) = settled(submitter, &submission, &transactions).await? {
                    return Ok(gas);
                }
                if reason.to_lowercase().contains("underpriced") {
                    // Against a transaction left by somebody who died: offer more at once.
                    submission.attempt += 1;
                    sleep(POLL).await;
                } else {
                    // A full pool, or a budget: more money would not help.
                    sleep(REFUSED_PAUSE).await;
                }
                continue;
            }
            Err(error @ ChainError::FeeAboveCap { .. }) if transactions.is_empty() => {
                return Err(error.into());
            }
            Err(ChainError::FeeAboveCap { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let offered = Instant::now();
        while offered.elapsed() < replace_after {
            if let Some(gas) = settled(submitter, &submission, &transactions).await? {
                return Ok(gas);
            }
            may_go_on()?;
            sleep(POLL).await;
        }
        submission.attempt += 1;
        metrics::counter!("icc_relay_replacements_total", "chain" => submitter.chain().to_string())
            .increment(1);
    }
    Err(RelayError::Stuck { attempts: MAX_OFFERS })
}

/// Gas used if one of the transactions is in a block and did what it should.
async fn settled(
    submitter: &dyn Submitter,
    submission: &Submission<'_>,
    transactions: &[B256],
) -> Result<Option<u64>, RelayError> {
    for transaction in transactions {
        match submitter.outcome(*transaction).await? {
            Some(Outcome::Succeeded { gas, .. }) => return Ok(Some(gas)),
            Some(Outcome::Reverted { block }) => return Err(RelayError::Reverted { block }),
            None => {}
        }
    }
    let next = submitter.next_sequence(submission.signer).await?;
    if next < submission.sequence {
        // A reorg has taken back an earlier transaction of this signer: whatever is offered under this sequence number
        // would wait behind the gap for ever. The batch is built again, for the number that is missing.
        return Err(ChainError::NotTaken("the signer's sequence number went back (reorg)".to_owned()).into());
    }
    if next > submission.sequence {
        // Ours may have been included between the two questions.
        for transaction in transactions {
            if let Some(Outcome::Succeeded { gas, .. }) = submitter.outcome(*transaction).await? {
                return Ok(Some(gas));
            }
        }
        return Err(
            ChainError::NotTaken("another transaction took the signer's sequence number".to_owned()).into()
        );
    }
    Ok(None)
}
