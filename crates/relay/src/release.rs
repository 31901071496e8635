//! Pays out the heads of rate limits' queues once their time has come. Anyone may; the cores do it.

use std::{collections::HashMap, time::Duration};

use alloy_primitives::{B256, Bytes};
use icc_chain::{Call, ChainError, QueuedCall};
use icc_protocol::{HEADER_LENGTH, Kind, Message, TokenPayload};
use icc_store::DueRelease;
use tokio::time::Instant;

use crate::{RelayError, lease::HeldLease, send::Sender};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause after a release that a simulation refused, for nothing.
const LONGEST_SIMULATED: Duration = Duration::from_secs(8);
/// Longest pause after one that was paid for and failed.
const LONGEST_PAID: Duration = Duration::from_secs(6 * 3600);
/// More than can be due at once.
const MAX_FAILURES: usize = 4096;

/// Heads that could not be released, how often, and when to look again: what passes a simulation and fails on the chain
/// costs money each time.
#[derive(Debug, Default)]
pub(crate) struct Failures(HashMap<(B256, u64), (u32, Instant)>);

impl Failures {
    fn waits(&self, due: &DueRelease) -> bool {
        self.0.get(&(due.token_id, due.index)).is_some_and(|(_, until)| Instant::now() < *until)
    }

    fn note(&mut self, due: &DueRelease, longest: Duration) {
        let (times, until) = self.0.entry((due.token_id, due.index)).or_insert((0, Instant::now()));
        *times = times.saturating_add(1);
        *until = Instant::now() + (FIRST_PAUSE * 2u32.saturating_pow(*times)).min(longest);
        if self.0.len() > MAX_FAILURES {
            self.0.clear();
        }
    }
}

/// Releases what is due on the sender's chain. A queue whose head cannot be released does not hold up the others.
///
/// # Errors
/// The last failure that was not a head's own.
pub(crate) async fn release_due(
    sender: Sender<'_>,
    failures: &mut Failures,
    lease: &HeldLease,
) -> Result<(), RelayError> {
    let mut outcome = Ok(());
    for due in sender.store.due_releases(sender.submitter.chain()).await? {
        if failures.waits(&due) {
            continue;
        }
        let call = Call::Release { token_id: due.token_id, call: attached(&due) };
        match sender.send(&call, lease).await {
            Ok(spent) => {
                // Its end is indexed in a moment; until then it is not due again.
                failures.note(&due, FIRST_PAUSE * 4);
                tracing::info!(token = %due.token_id, index = due.index, gas = spent.gas, "released");
            }
            // Already released and not indexed yet, paused, or not yet by the chain's clock.
            Err(RelayError::Chain(ChainError::Reverted { reason, .. })) => {
                failures.note(&due, LONGEST_SIMULATED);
                tracing::debug!(token = %due.token_id, index = due.index, reason, "not released");
            }
            Err(error @ RelayError::Reverted { .. }) => {
                failures.note(&due, LONGEST_PAID);
                tracing::warn!(token = %due.token_id, index = due.index, %error, "not released");
            }
            Err(error) => outcome = Err(error),
        }
    }
    outcome
}

/// The call that the queue's entry commits to. A refund has none, and what is struck is not called.
fn attached(due: &DueRelease) -> QueuedCall {
    let encoded = due.encoded.as_ref()?;
    let message = Message::decode(encoded).ok()?;
    if message.kind != Kind::Call {
        return None;
    }
    let payload = TokenPayload::decode(&message.payload)?;
    let length = {
        let call = payload.transfer()?.call.as_ref()?;
        36 + call.data.len()
    };
    // As it stands in the payload: at its end.
    let call: Bytes = encoded.slice(encoded.len().checked_sub(length).filter(|at| *at >= HEADER_LENGTH)?..);
    let origin = match payload {
        TokenPayload::Forwarded { origin, .. } => origin,
        _ => due.source_chain?,
    };
    Some((due.message_id, origin, call))
}
