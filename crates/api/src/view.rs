//! A message as the API shows it, with what it led to.

use icc_protocol::{LaneId, Message, Progress, TransferState};
use icc_store::{MessageStatus, Store, StoreError};

use crate::{MessageView, NextView, funds::funds, reason::reason};

/// Transfer, second leg, its refund, the return to where it began.
const LONGEST_CHAIN: usize = 4;

/// A message and what it led to; `None` if it has not been seen.
pub(crate) async fn view(store: &Store, lane: LaneId, nonce: u64) -> Result<Option<MessageView>, StoreError> {
    let mut chain = Vec::new();
    let mut next = Some((lane, nonce));
    while let Some((lane, nonce)) = next.filter(|_| chain.len() < LONGEST_CHAIN) {
        let Some(status) = store.message_status(lane, nonce).await? else { break };
        next = status.follow_up.map(|(_, lane, nonce)| (lane, nonce));
        chain.push(status);
    }
    // From the last to the first: each state depends on that of what it led to.
    let mut last: Option<MessageView> = None;
    for status in chain.into_iter().rev() {
        let quorum = store.current_set(status.destination_chain).await?.map(|(_, set)| set.quorum());
        last = Some(one(status, last, quorum));
    }
    Ok(last)
}

fn one(mut status: MessageStatus, next: Option<MessageView>, quorum: Option<usize>) -> MessageView {
    // What it led to may have vanished between two questions (a reorg); that it led there is still known.
    let state_of_next = next.as_ref().map_or(TransferState::Observed, |message| message.state);
    let follow_up = status.follow_up.map(|(why, _, _)| (why, state_of_next));
    status.progress = Progress { follow_up, ..status.progress };
    let next = follow_up.map(|(why, _)| why).zip(next);
    let (state, text) = reason(&status, next.as_ref().map(|(_, message)| message), quorum);
    let message = Message::decode(&status.encoded).ok();
    let deadline = message.as_ref().map(|message| message.deadline).filter(|deadline| *deadline != 0);
    MessageView {
        lane: status.lane.to_string(),
        nonce: status.nonce,
        source_chain: status.source_chain.0,
        destination_chain: status.destination_chain.0,
        state,
        reason: text,
        funds: message.and_then(|message| funds(&status, &message, state)),
        deadline,
        fee_paid: status.fee_paid.to_string(),
        next: next.map(|(why, message)| NextView { why, message: Box::new(message) }),
        source_transaction: status.source_transaction,
        delivery_transaction: status.delivery_transaction,
        execute_transaction: status.execute_transaction,
    }
}
