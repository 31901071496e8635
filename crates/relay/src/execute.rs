//! Executes messages that were delivered but recorded: those with a high gas limit, and those whose call failed. Past
//! its deadline, a message is refunded instead.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use icc_chain::{Call, ChainError};
use icc_protocol::Message;
use icc_store::{DueExecution, DueKind, LaneRow};

use crate::{RelayError, build::source_of, lease::HeldLease, send::Sender};

/// Tries for one message; anyone may still execute it after that.
pub(crate) const MAX_ATTEMPTS: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How the token bridge refuses what it will take later. It costs no try: a pause may last longer than all of them.
const RELEASES_PAUSED: &str = "ExecutionFailed: ReleasesPaused";
/// Between two looks at what waits for a pause to end.
const WHILE_PAUSED: Duration = Duration::from_secs(60);
/// Messages looked at in one round.
const ROUND: u32 = 16;

/// Tries what is due. Returns whether anything was executed.
pub(crate) async fn execute_due(
    sender: Sender<'_>,
    lane: &LaneRow,
    lease: &HeldLease,
) -> Result<bool, RelayError> {
    let store = sender.store;
    let mut any = false;
    for due in store.due_executions(lane.lane, MAX_ATTEMPTS, ROUND).await? {
        let (source, message) = (source_of(lane), due.encoded.clone());
        let call = match due.kind {
            DueKind::Execute => Call::Execute { source, message },
            DueKind::Expire => Call::Expire { source, message },
        };
        let pause =
            (FIRST_PAUSE * 2u32.saturating_pow(due.attempts)).min(LONGEST_PAUSE).min(until_deadline(&due));
        match sender.send(&call, lease).await {
            Ok(spent) => {
                any = true;
                // The destination's indexer will report it; until then it is not due again.
                store.note_execution(lane.lane, due.nonce, "", FIRST_PAUSE * 8).await?;
                tracing::info!(lane = %lane.lane, nonce = due.nonce, kind = ?due.kind, gas = spent.gas, "done");
            }
            Err(error) if !is_the_messages(&error) => return Err(error),
            // Also when it failed on the chain although its simulation did not: it must cost a try, and must not hold
            // up the others.
            Err(error) => {
                tracing::warn!(
                    lane = %lane.lane, nonce = due.nonce, %error, attempts = due.attempts + 1, kind = ?due.kind, "cannot be done"
                );
                let text = error.to_string();
                if text.contains(RELEASES_PAUSED) {
                    store.postpone_execution(lane.lane, due.nonce, &text, pause.min(WHILE_PAUSED)).await?;
                } else {
                    store.note_execution(lane.lane, due.nonce, &text, pause).await?;
                }
            }
        }
    }
    Ok(any)
}

/// A message is looked at again when its deadline has passed, however long the pause would be.
fn until_deadline(due: &DueExecution) -> Duration {
    let deadline = Message::decode(&due.encoded).map_or(0, |message| message.deadline);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    match deadline.checked_sub(now) {
        Some(left) if deadline != 0 => Duration::from_secs(left + 1),
        _ => LONGEST_PAUSE,
    }
}

/// Whether a failure is the message's own: then it costs a try. Of trouble with leases, database, endpoints, fees or a
/// pause the message knows nothing, and must not be given up for it.
fn is_the_messages(error: &RelayError) -> bool {
    match error {
        RelayError::Chain(ChainError::Reverted { reason, .. }) => !reason.starts_with("DeliveriesArePaused"),
        RelayError::Reverted { .. } => true,
        _ => false,
    }
}
