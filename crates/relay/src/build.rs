//! A batch from what is signed and not yet delivered.

use alloy_primitives::{B256, Bytes};
use icc_chain::{Call, Delivery, RemoteEnd, Submitter};
use icc_protocol::{Checkpoint, SignatureSet, fold_all};
use icc_store::{LaneRow, Store};

use crate::RelayError;

/// Most leaves between the last message of a batch and its checkpoint; the gateway refuses more.
const MAX_TAIL: u64 = 64;
/// Messages read for one batch.
const MAX_MESSAGES: u32 = 512;
/// Checkpoints considered for one batch.
const MAX_CHECKPOINTS: u32 = 256;

/// A batch ready to be sent.
pub(crate) struct Batch {
    pub(crate) call: Call,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// The far end of a lane as its gateway names it.
pub(crate) fn source_of(lane: &LaneRow) -> RemoteEnd {
    RemoteEnd { chain: lane.source_chain, gateway: lane.source_gateway, generation: lane.generation }
}

/// The next batch of a lane, or `None` if everything that is signed is delivered. `fitting` tells how many of the next
/// messages may go into one.
pub(crate) async fn build(
    store: &Store,
    submitter: &dyn Submitter,
    lane: &LaneRow,
    fitting: impl FnOnce(&[Bytes]) -> usize,
) -> Result<Option<Batch>, RelayError> {
    let inbox = submitter.inbox(lane.lane).await?;
    if inbox.is_zero() {
        return Err(RelayError::LaneClosed);
    }
    let after = store.nonce_at(lane.lane, inbox).await?.ok_or(RelayError::ForeignInbox(lane.lane))?;
    let Some((_, set)) = store.current_set(lane.destination_chain).await? else { return Ok(None) };
    let checkpoints = store.checkpoints_after(lane.lane, after, &set, MAX_CHECKPOINTS).await?;
    let Some(newest) = checkpoints.last() else { return Ok(None) };
    let messages = store.messages(lane.lane, after, newest.0.nonce, MAX_MESSAGES).await?.messages;
    let fitting = fitting(&messages);
    if fitting == 0 {
        // Signed further than this core has indexed.
        return Ok(None);
    }
    let checkpoints: Vec<Checkpoint> = checkpoints.iter().map(|checkpoint| checkpoint.0).collect();
    let Some((last, checkpoint)) = choose(&checkpoints, after, after + fitting as u64, messages.len() as u64)
    else {
        return Ok(None);
    };
    let signatures = SignatureSet::of_quorum(&set, store.attestations(&checkpoint).await?);
    let Some(signatures) = signatures else { return Ok(None) };

    let count = usize::try_from(last - after).unwrap_or(usize::MAX).min(messages.len());
    let covered = usize::try_from(checkpoint.nonce - after).unwrap_or(usize::MAX).min(messages.len());
    let tail: Vec<B256> = messages[count..covered].iter().map(alloy_primitives::keccak256).collect();
    let accumulator = fold_all(inbox, messages[..covered].iter().map(alloy_primitives::keccak256));
    if accumulator != checkpoint.accumulator {
        return Err(RelayError::Conflict { lane: lane.lane, nonce: checkpoint.nonce });
    }
    let delivery = Delivery {
        source: source_of(lane),
        checkpoint,
        signatures: signatures.pack().into(),
        start_accumulator: inbox,
        messages: messages[..count].to_vec(),
        tail,
    };
    Ok(Some(Batch { call: Call::Deliver(Box::new(delivery)), first: after + 1, last }))
}

/// The last nonce of a batch of at most up to `limit`, and the checkpoint to deliver it under: the first one at or
/// after it, if the tail between them is short enough and `known` messages after `after` reach it; else the batch
/// ends at an earlier checkpoint.
fn choose(checkpoints: &[Checkpoint], after: u64, limit: u64, known: u64) -> Option<(u64, Checkpoint)> {
    let reachable = checkpoints.iter().filter(|checkpoint| checkpoint.nonce <= after + known);
    let covering = reachable.clone().find(|checkpoint| checkpoint.nonce >= limit);
    if let Some(checkpoint) = covering.filter(|checkpoint| checkpoint.nonce - limit <= MAX_TAIL) {
        return Some((limit, *checkpoint));
    }
    reachable.take_while(|checkpoint| checkpoint.nonce <= limit).last().map(|c| (c.nonce, *c)).or_else(|| {
        // Even the first checkpoint is beyond the limit: go as near to it as it takes.
        let first = checkpoints.iter().find(|checkpoint| checkpoint.nonce <= after + known)?;
        Some((first.nonce.saturating_sub(MAX_TAIL).max(limit), *first))
    })
}

#[cfg(test)]
mod tests {
    use icc_protocol::LaneId;

    use super::*;

    fn at(nonce: u64) -> Checkpoint {
        Checkpoint { lane: LaneId(B256::ZERO), nonce, accumulator: B256::ZERO }
    }

    #[test]
    fn ends_at_the_limit_under_the_next_checkpoint_in_reach() {
        assert_eq!(choose(&[at(10), at(64), at(100)], 0, 40, 100), Some((40, at(64))));
        assert_eq!(choose(&[at(10)], 0, 10, 10), Some((10, at(10))));
    }

    #[test]
    fn ends_at_an_earlier_checkpoint_when_the_tail_would_be_too_long() {
        assert_eq!(choose(&[at(10), at(200)], 0, 40, 200), Some((10, at(10))));
    }

    #[test]
    fn never_uses_a_checkpoint_beyond_what_is_indexed() {
        assert_eq!(choose(&[at(10), at(64)], 0, 20, 30), Some((10, at(10))));
        assert_eq!(choose(&[at(64)], 0, 20, 30), None);
    }

    #[test]
    fn a_far_first_checkpoint_is_approached() {
        assert_eq!(choose(&[at(200)], 0, 40, 200), Some((136, at(200))));
    }
}
