//! Why a message is where it is, in words.

use icc_protocol::{FollowUp, Message, Progress, RecordedReason, TransferState, TransitionError};
use icc_store::MessageStatus;

use crate::MessageView;

/// The state of a message and the reason for it. `next` is the message that it led to; `quorum` that of the
/// destination's current set, if known.
pub(crate) fn reason(
    status: &MessageStatus,
    next: Option<&MessageView>,
    quorum: Option<usize>,
) -> (TransferState, String) {
    let state = match status.progress.state() {
        Ok(state) => state,
        Err(error @ TransitionError::DeliveredBeforeFinal) => {
            let text = format!("{error}: the view of the source is behind, or a chain reverted its finality");
            let facts = Progress { source_final: true, ..status.progress };
            return (facts.state().unwrap_or(TransferState::Observed), text);
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
        TransferState::Queued => queued(status),
        TransferState::Forwarded => second(next, "home has passed it on"),
        TransferState::Refunding => second(next, on_the_way_back(status)),
        TransferState::Refunded => "refunded".to_owned(),
        TransferState::Delivered if status.queued.is_some_and(|queued| queued.claimable) => {
            "could not be handed over; waits to be claimed".to_owned()
        }
        TransferState::Delivered => "delivered; its block becomes final".to_owned(),
        TransferState::Completed => "delivered, and final at the destination".to_owned(),
    };
    let halted = status.halted.as_ref().filter(|_| !state.is_settled());
    let halted = halted.map_or_else(String::new, |problem| format!("; nothing moves: {problem}"));
    (state, format!("{text}{}{halted}", warning(status, state)))
}

/// What will happen if it does not get on in time, said before it does.
fn warning(status: &MessageStatus, state: TransferState) -> String {
    if state > TransferState::Recorded {
        return String::new();
    }
    match Message::decode(&status.encoded).map(|message| message.deadline) {
        Ok(deadline) if deadline != 0 => {
            format!("; refunded if it is not executed by {}", utc(deadline))
        }
        _ => String::new(),
    }
}

fn second(next: Option<&MessageView>, what: &str) -> String {
    match next {
        Some(next) => format!(
            "{what}: message {} from chain {} to chain {}: {}",
            next.nonce, next.source_chain, next.destination_chain, next.reason
        ),
        None => what.to_owned(),
    }
}

fn on_the_way_back(status: &MessageStatus) -> &'static str {
    match status.follow_up.map(|(why, _, _)| why) {
        Some(FollowUp::Returned) => "could not be passed on; it is on its way back",
        Some(FollowUp::Forwarded) => "its second leg is being refunded",
        _ => "its deadline has passed; the refund is on its way",
    }
}

fn queued(status: &MessageStatus) -> String {
    if status.progress.cancelled {
        return "struck from the rate limit's queue by the owner".to_owned();
    }
    match status.queued {
        Some(queued) => format!("queued by the rate limit until {}", utc(queued.release_at)),
        None => "queued by the rate limit".to_owned(),
    }
}

fn recorded(status: &MessageStatus) -> String {
    let Some(recorded) = &status.recorded else { return "waits for execution".to_owned() };
    if recorded.struck {
        return "struck by the owner: it is neither executed nor refunded".to_owned();
    }
    let why = match recorded.reason {
        RecordedReason::AboveInlineGas => "its gas limit is executed in a transaction of its own",
        RecordedReason::CallFailed => "its call failed when it was delivered",
        RecordedReason::InvalidRecipient => "its recipient cannot be called on this chain",
        RecordedReason::UnsupportedKind => "its kind is not executed by this gateway",
        RecordedReason::Expired => "its deadline had passed when it arrived",
    };
    let tried = match (&recorded.last_error, recorded.attempts) {
        (Some(error), n) if n > 0 && !error.is_empty() => {
            format!("; tried {n} times, last: {error}; anyone may execute it")
        }
        _ => "; waits for execution".to_owned(),
    };
    format!("{why}{tried}")
}

/// UNIX seconds for people.
pub(crate) fn utc(seconds: u64) -> String {
    let timestamp =
        i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    timestamp.map_or_else(
        || format!("UNIX time {seconds}"),
        |timestamp| timestamp.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn times_are_for_people_and_never_panic() {
        assert_eq!(utc(1_700_000_000), "2023-11-14 22:13:20 UTC");
        assert_eq!(utc(u64::MAX), format!("UNIX time {}", u64::MAX));
    }
}
