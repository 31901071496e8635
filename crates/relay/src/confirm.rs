//! Waits for inclusion; offers more when a transaction is stuck.

use std::time::Duration;

use alloy_primitives::B256;
use icc_chain::{ChainError, Outcome, Spent, Submission, Submitter};
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
) -> Result<Spent, RelayError> {
    let mut transactions = Vec::new();
    for _ in 0..MAX_OFFERS {
        may_go_on()?;
        match submitter.submit(&submission).await {
            Ok(transaction) => {
                tracing::info!(chain = %submitter.chain(), %transaction, attempt = submission.attempt, "accepted by a node");
                transactions.push(transaction);
            }
            Err(ChainError::NotTaken(reason)) => {
                tracing::debug!(chain = %submitter.chain(), reason, attempt = submission.attempt, "transaction not taken");
                if let Some(spent) = settled(submitter, &submission, &transactions).await? {
                    return Ok(spent);
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
            // Nothing better can be offered: wait for what was. Another signer must not send the same meanwhile.
            Err(ChainError::FeeAboveCap { .. } | ChainError::InsufficientFunds { .. })
                if !transactions.is_empty() => {}
            Err(error) => return Err(error.into()),
        }
        let offered = Instant::now();
        while offered.elapsed() < replace_after {
            if let Some(spent) = settled(submitter, &submission, &transactions).await? {
                return Ok(spent);
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

/// What was spent if one of the transactions is in a block and did what it should.
async fn settled(
    submitter: &dyn Submitter,
    submission: &Submission<'_>,
    transactions: &[B256],
) -> Result<Option<Spent>, RelayError> {
    for transaction in transactions {
        match submitter.outcome(*transaction).await? {
            Some(Outcome::Succeeded { spent, .. }) => return Ok(Some(spent)),
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
            if let Some(Outcome::Succeeded { spent, .. }) = submitter.outcome(*transaction).await? {
                return Ok(Some(spent));
            }
        }
        return Err(
            ChainError::NotTaken("another transaction took the signer's sequence number".to_owned()).into()
        );
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use icc_chain::{Call, GasPrice, RemoteEnd};
    use icc_protocol::{ChainId, LaneId};

    use super::*;

    /// A chain that takes everything, includes nothing, and expects this sequence number next.
    struct Stalled(u64);

    #[async_trait]
    impl Submitter for Stalled {
        fn chain(&self) -> ChainId {
            ChainId(1)
        }
        fn gas_limit(&self) -> u64 {
            1
        }
        async fn inbox(&self, lane: LaneId) -> Result<B256, ChainError> {
            Ok(lane.0)
        }
        async fn simulate(&self, _: &Call, _: B256) -> Result<u64, ChainError> {
            Ok(1)
        }
        async fn next_sequence(&self, _: B256) -> Result<u64, ChainError> {
            Ok(self.0)
        }
        async fn submit(&self, _: &Submission<'_>) -> Result<B256, ChainError> {
            Ok(B256::ZERO)
        }
        async fn outcome(&self, _: B256) -> Result<Option<Outcome>, ChainError> {
            Ok(None)
        }
        async fn gas_cost(&self) -> Result<u128, ChainError> {
            Ok(1)
        }
        async fn gas_price_of(&self, _: ChainId) -> Result<(GasPrice, B256), ChainError> {
            Ok((GasPrice::default(), B256::ZERO))
        }
    }

    async fn offered_under(sequence: u64, expected_by_the_chain: u64) -> RelayError {
        let source = RemoteEnd { chain: ChainId(2), gateway: B256::ZERO, generation: 1 };
        let call = Call::Execute { source, message: Default::default() };
        let submission = Submission { call: &call, signer: B256::ZERO, sequence, gas: 1, attempt: 0 };
        let stalled = Stalled(expected_by_the_chain);
        confirm(&stalled, submission, Duration::from_millis(1), || Ok(())).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_sequence_number_that_went_back_or_was_taken_is_noticed_at_once() {
        for expected in [4, 6] {
            let error = offered_under(5, expected).await;
            assert!(matches!(error, RelayError::Chain(ChainError::NotTaken(_))), "{error}");
        }
    }

    #[tokio::test]
    async fn what_is_never_included_is_told_in_the_end() {
        assert!(matches!(offered_under(5, 5).await, RelayError::Stuck { attempts: MAX_OFFERS }));
    }
}
