//! Which row an event makes.

use alloy_primitives::B256;
use icc_chain::{Event, LocatedEvent};
use icc_store::{
    DeliveryRow, EventRow, ExecutedRow, ExpiredRow, FeePaidRow, FollowUpRow, LaneEndedRow, LaneOpenedRow,
    MessageRow, QueueEndedRow, QueuedRow, RecordedRow, ValidatorSetRow,
};

/// `None` for what no row is kept of.
pub(crate) fn event_row(gateway: B256, located: LocatedEvent) -> Option<EventRow> {
    let (transaction, log_index) = (located.at.transaction, located.at.log_index);
    Some(match located.event {
        Event::Sent(sent) => EventRow::Message(MessageRow {
            destination: sent.destination,
            generation: sent.generation,
            encoded: sent.message,
            transaction,
            log_index,
        }),
        Event::Delivered { lane, from_nonce, to_nonce, accumulator } => {
            let row = DeliveryRow { lane, from_nonce, to_nonce, accumulator, transaction, log_index };
            EventRow::Delivery(row)
        }
        Event::Recorded { lane, nonce, id, reason } => {
            EventRow::Recorded(RecordedRow { lane, nonce, message_id: id, reason, transaction })
        }
        Event::Executed { lane, nonce, id } => {
            EventRow::Executed(ExecutedRow { lane, nonce, message_id: id, transaction })
        }
        Event::Expired { lane, nonce, id, refund_nonce } => {
            EventRow::Expired(ExpiredRow { lane, nonce, message_id: id, refund_nonce, transaction })
        }
        Event::Struck { id } => EventRow::Struck(id),
        Event::ResendAllowed { .. } | Event::Unreadable { .. } => return None,
        Event::LaneOpened(opened) => EventRow::LaneOpened(LaneOpenedRow {
            gateway,
            remote_chain: opened.remote_chain,
            remote_gateway: opened.remote_gateway,
            generation: opened.generation,
            outbound: opened.outbound,
            inbound: opened.inbound,
        }),
        Event::LaneEnded(ended) => EventRow::LaneEnded(LaneEndedRow {
            outbound: ended.outbound,
            inbound: ended.inbound,
            outbox_nonce: ended.outbox_nonce,
            inbox: ended.inbox,
        }),
        Event::SetRotated { epoch, set_hash, hub_time, members } => {
            EventRow::ValidatorSet(ValidatorSetRow { epoch, set_hash, hub_time, members })
        }
        Event::FeePaid { destination, generation, nonce, amount } => {
            let row = FeePaidRow { destination, generation, nonce, amount, transaction, log_index };
            EventRow::FeePaid(row)
        }
        Event::FollowedUp { message_id, why, destination, nonce } => {
            EventRow::FollowUp(FollowUpRow { message_id, why, destination, nonce })
        }
        Event::Queued(queued) => EventRow::Queued(QueuedRow {
            token_id: queued.token_id,
            index: queued.index,
            message_id: queued.message_id,
            amount: queued.amount,
            release_at: queued.release_at,
        }),
        Event::QueueEnded { token_id, index, end } => {
            EventRow::QueueEnded(QueueEndedRow { token_id, index, outcome: end as u8, transaction })
        }
    })
}
