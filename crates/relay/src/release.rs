//! Pays out the heads of rate limits' queues once their time has come. Anyone may; the cores do it.

use alloy_primitives::Bytes;
use icc_chain::{Call, ChainError, QueuedCall};
use icc_protocol::{HEADER_LENGTH, Kind, Message, TokenPayload};
use icc_store::DueRelease;

use crate::{RelayError, lease::HeldLease, send::Sender};

/// Releases what is due on the sender's chain. A queue whose head cannot be released does not hold up the others.
pub(crate) async fn release_due(sender: Sender<'_>, lease: &HeldLease) -> Result<(), RelayError> {
    for due in sender.store.due_releases(sender.submitter.chain()).await? {
        let call = Call::Release { token_id: due.token_id, call: attached(&due) };
        match sender.send(&call, lease).await {
            Ok(spent) => {
                tracing::info!(token = %due.token_id, index = due.index, gas = spent.gas, "released");
            }
            // Already released and not indexed yet, paused, or not yet by the chain's clock: looked at again.
            Err(error @ (RelayError::Chain(ChainError::Reverted { .. }) | RelayError::Reverted { .. })) => {
                tracing::debug!(token = %due.token_id, index = due.index, %error, "not released");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
