//! Why a message is where it is, in words.

use icc_protocol::{RecordedReason, TransferState, TransitionError};
use icc_store::MessageStatus;

/// The state of a message and the reason for it. `quorum` is that of the destination's current set, if known.
pub fn reason(status: &MessageStatus, quorum: Option<usize>) -> (TransferState, String) {
    let state = match status.progress.state() {
        Ok(state) => state,
        Err(error @ TransitionError::DeliveredBeforeFinal) => {
            let text = format!("{error}: the view of the source is behind, or a chain reverted its finality");
            return (TransferState::Delivered, text);
        }
        Err(error) => return (TransferState::Observed, error.to_string()),
    };
    let text = match state {
        TransferState::Observed => {
            let missing = status.source_block.saturating_sub(status.source_final);
            format!("source block {} becomes final after {missing} more", status.source_block)
        }
        TransferState::Final => match quorum {
            Some(quorum) => format!("{} of {quorum} signatures", status.signatures),
            None => "the destination's validator set is not indexed yet".to_owned(),
        },
        TransferState::Attested => match &status.relay_note {
            Some(note) => format!("signed by a quorum; the relay waits: {note}"),
            None => "signed by a quorum; being delivered".to_owned(),
        },
        TransferState::Recorded => recorded(status),
        TransferState::Delivered => "delivered; its block becomes final".to_owned(),
        TransferState::Completed => "delivered, and final at the destination".to_owned(),
    };
    (state, text)
}

fn recorded(status: &MessageStatus) -> String {
    let Some(recorded) = &status.recorded else { return "waits for execution".to_owned() };
    let why = match recorded.reason {
        RecordedReason::AboveInlineGas => "its gas limit is executed in a transaction of its own",
        RecordedReason::CallFailed => "its call failed when it was delivered",
        RecordedReason::InvalidRecipient => "its recipient cannot be called on this chain",
        RecordedReason::UnsupportedKind => "its kind is not executed by this gateway",
        RecordedReason::Expired => "its deadline had passed",
    };
    let tried = match (&recorded.last_error, recorded.attempts) {
        (Some(error), n) if n > 0 && !error.is_empty() => {
            format!("; tried {n} times, last: {error}; anyone may execute it")
        }
        _ => "; waits for execution".to_owned(),
    };
    format!("{why}{tried}")
}
