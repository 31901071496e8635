//! Waits for inclusion; offers more when a transaction is stuck.

use std::time::Duration;

use alloy_primitives::B256;
use async_trait::async_trait;
use icc_chain::{ChainError, Outcome, Spent, Submission, Submitter};
use tokio::time::{Instant, sleep};

use crate::RelayError;

/// Offers for one sequence number before it is reported as stuck.
const MAX_OFFERS: u32 = 24;
const POLL: Duration = Duration::from_millis(100);
const REFUSED_PAUSE: Duration = Duration::from_secs(1);
/// How much later than the new sequence number of an account a node may tell of the receipt.
const RECEIPT_LAG: Duration = Duration::from_secs(2);

/// Whose work it is that is being submitted.
#[async_trait]
pub(crate) trait Principal: Sync {
    /// Fails once nothing more may be offered.
    fn may_go_on(&self) -> Result<(), RelayError>;
    /// Is told what keeps it from being included, for people.
    async fn tell(&self, text: String);
}

/// Submits until one of the transactions for this sequence number is in a block. A stuck transaction of a core that
/// died, under the same sequence number, is replaced like one's own: no new key is ever needed.
pub(crate) async fn confirm(
    submitter: &dyn Submitter,
    mut submission: Submission<'_>,
    replace_after: Duration,
    principal: &dyn Principal,
) -> Result<Spent, RelayError> {
    let mut transactions = Vec::new();
    for offer in 1..=MAX_OFFERS {
        principal.may_go_on()?;
        let mut why = String::new();
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
                    principal.tell(format!("transaction was not taken: {reason}")).await;
                    sleep(REFUSED_PAUSE).await;
                }
                continue;
            }
            // Nothing better can be offered: wait for what was. Another signer must not send the same meanwhile.
            Err(error @ (ChainError::FeeAboveCap { .. } | ChainError::InsufficientFunds { .. }))
                if !transactions.is_empty() =>
            {
                why = format!("; more cannot be offered: {error}");
            }
            Err(error) => return Err(error.into()),
        }
        let offered = Instant::now();
        while offered.elapsed() < replace_after {
            if let Some(spent) = settled(submitter, &submission, &transactions).await? {
                return Ok(spent);
            }
            principal.may_go_on()?;
            sleep(POLL).await;
        }
        let last = transactions.last().copied().unwrap_or_default();
        principal.tell(format!("transaction {last} is in no block after {offer} offers{why}")).await;
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
    if let Some(spent) = included(submitter, transactions).await? {
        return Ok(Some(spent));
    }
    let next = submitter.next_sequence(submission.signer).await?;
    if next < submission.sequence {
        // A reorg has taken back an earlier transaction of this signer: whatever is offered under this sequence number
        // would wait behind the gap for ever. The batch is built again, for the number that is missing.
        return Err(ChainError::NotTaken("the signer's sequence number went back (reorg)".to_owned()).into());
    }
    if next == submission.sequence {
        return Ok(None);
    }
    // Most likely ours: included between the two questions, or by a node that tells of accounts before it tells of
    // receipts.
    let passed = Instant::now();
    while !transactions.is_empty() && passed.elapsed() < RECEIPT_LAG {
        if let Some(spent) = included(submitter, transactions).await? {
            return Ok(Some(spent));
        }
        sleep(POLL).await;
    }
    Err(ChainError::NotTaken("another transaction took the signer's sequence number".to_owned()).into())
}

async fn included(submitter: &dyn Submitter, transactions: &[B256]) -> Result<Option<Spent>, RelayError> {
    for transaction in transactions {
        match submitter.outcome(*transaction).await? {
            Some(Outcome::Succeeded { spent, .. }) => return Ok(Some(spent)),
            Some(Outcome::Reverted { block }) => return Err(RelayError::Reverted { block }),
            None => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    };

    use icc_chain::{Call, GasPrice, RemoteEnd};
    use icc_protocol::{ChainId, LaneId};

    use super::*;

    const OURS: u64 = 5;

    /// What a chain says to the offer of this number, from 0.
    type Answer = fn(u32) -> Result<B256, ChainError>;

    /// A chain that includes nothing until as many offers as told were made.
    struct Stalled {
        /// What it expects next of the signer.
        next: u64,
        answer: Answer,
        includes_after: u32,
        offers: AtomicU32,
        /// How often it is asked for a receipt before it has one, if it ever has.
        receipt_after: u32,
        asked: AtomicU32,
    }

    impl Stalled {
        fn new(next: u64, answer: Answer) -> Self {
            let (offers, asked) = Default::default();
            Self { next, answer, includes_after: u32::MAX, offers, receipt_after: 0, asked }
        }
    }

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
            Ok(self.next)
        }
        async fn submit(&self, _: &Submission<'_>) -> Result<B256, ChainError> {
            (self.answer)(self.offers.fetch_add(1, Ordering::Relaxed))
        }
        async fn outcome(&self, _: B256) -> Result<Option<Outcome>, ChainError> {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            let included = self.offers.load(Ordering::Relaxed) >= self.includes_after;
            Ok((included && asked >= self.receipt_after)
                .then_some(Outcome::Succeeded { block: 1, spent: Spent { gas: 7, cost: 7 } }))
        }
        async fn gas_cost(&self) -> Result<u128, ChainError> {
            Ok(1)
        }
        async fn gas_price_of(&self, _: ChainId) -> Result<(GasPrice, B256), ChainError> {
            Ok((GasPrice::default(), B256::ZERO))
        }
        async fn held_epoch(&self) -> Result<u64, ChainError> {
            Ok(1)
        }
    }

    #[derive(Default)]
    struct Listener(Mutex<Vec<String>>);

    #[async_trait]
    impl Principal for Listener {
        fn may_go_on(&self) -> Result<(), RelayError> {
            Ok(())
        }
        async fn tell(&self, text: String) {
            self.0.lock().unwrap().push(text);
        }
    }

    /// The outcome, and what was told meanwhile.
    async fn offered(stalled: &Stalled) -> (Result<Spent, RelayError>, Vec<String>) {
        let source = RemoteEnd { chain: ChainId(2), gateway: B256::ZERO, generation: 1 };
        let call = Call::Execute { source, message: Default::default() };
        let submission = Submission { call: &call, signer: B256::ZERO, sequence: OURS, gas: 1, attempt: 0 };
        let listener = Listener::default();
        let outcome = confirm(stalled, submission, Duration::from_millis(1), &listener).await;
        (outcome, listener.0.into_inner().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_sequence_number_that_went_back_or_was_taken_is_noticed() {
        for expected in [OURS - 1, OURS + 1] {
            let (outcome, _) = offered(&Stalled::new(expected, |_| Ok(B256::ZERO))).await;
            let error = outcome.unwrap_err();
            assert!(matches!(error, RelayError::Chain(ChainError::NotTaken(_))), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_receipt_that_comes_later_than_the_sequence_number_is_waited_for() {
        let late =
            Stalled { includes_after: 1, receipt_after: 15, ..Stalled::new(OURS + 1, |_| Ok(B256::ZERO)) };
        let (outcome, _) = offered(&late).await;
        assert_eq!(outcome.unwrap().gas, 7);
    }

    #[tokio::test]
    async fn what_is_never_included_is_told_meanwhile_and_in_the_end() {
        let (outcome, told) = offered(&Stalled::new(OURS, |_| Ok(B256::ZERO))).await;
        assert!(matches!(outcome.unwrap_err(), RelayError::Stuck { attempts: MAX_OFFERS }));
        assert_eq!(told.len(), MAX_OFFERS as usize);
        assert!(told[0].contains("in no block after 1 offers"), "{}", told[0]);
    }

    fn too_poor() -> ChainError {
        ChainError::InsufficientFunds { signer: B256::ZERO, reason: "insufficient funds".to_owned() }
    }

    /// Whoever cannot pay for a replacement waits for what he offered: another signer would send the same twice.
    #[tokio::test]
    async fn a_replacement_that_cannot_be_paid_waits_and_says_so() {
        let first_only = |offer| if offer == 0 { Ok(B256::ZERO) } else { Err(too_poor()) };
        let stalled = Stalled { includes_after: 3, ..Stalled::new(OURS, first_only) };
        let (outcome, told) = offered(&stalled).await;
        assert_eq!(outcome.unwrap().gas, 7);
        assert!(told.iter().any(|text| text.contains("more cannot be offered")), "{told:?}");
    }

    #[tokio::test]
    async fn a_fee_above_the_cap_waits_for_what_was_offered_before() {
        let capped = |offer| match offer {
            0 => Ok(B256::ZERO),
            _ => Err(ChainError::FeeAboveCap { wanted: 2, cap: 1 }),
        };
        let stalled = Stalled { includes_after: 4, ..Stalled::new(OURS, capped) };
        let (outcome, told) = offered(&stalled).await;
        assert_eq!(outcome.unwrap().gas, 7);
        assert!(told.iter().any(|text| text.contains("above the cap")), "{told:?}");
    }

    #[tokio::test]
    async fn the_first_offer_is_left_to_another_signer_or_a_later_day() {
        let (poor, _) = offered(&Stalled::new(OURS, |_| Err(too_poor()))).await;
        assert!(matches!(poor.unwrap_err(), RelayError::Chain(ChainError::InsufficientFunds { .. })));
    }
}
