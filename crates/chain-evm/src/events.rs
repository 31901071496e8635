//! The gateway's logs, as the bridge's events.

use alloy_primitives::{Address, B256};
use alloy_rpc_types_eth::Log;
use alloy_sol_types::SolEvent;
use icc_chain::{BlockRef, ChainError, Event, EventAt, LaneOpened, LocatedEvent, SentMessage};
use icc_protocol::{ChainId, LaneId, RecordedReason};
use icc_rpc::Endpoint;

use crate::{bindings::Gateway, node::forged};

/// The events that are followed.
pub(crate) fn topics() -> Vec<B256> {
    vec![
        Gateway::Sent::SIGNATURE_HASH,
        Gateway::Delivered::SIGNATURE_HASH,
        Gateway::Recorded::SIGNATURE_HASH,
        Gateway::Executed::SIGNATURE_HASH,
        Gateway::LaneOpened::SIGNATURE_HASH,
        Gateway::SetRotated::SIGNATURE_HASH,
    ]
}

/// The events that make accumulators.
pub(crate) fn outbox_topics() -> Vec<B256> {
    vec![Gateway::Sent::SIGNATURE_HASH, Gateway::LaneOpened::SIGNATURE_HASH]
}

/// Decodes logs that a node gave for a gateway, in order.
///
/// # Errors
/// [`ChainError::Forged`] for a log of another contract, an unasked one, or one that does not decode.
pub(crate) fn decode(
    endpoint: &Endpoint,
    gateway: Address,
    logs: Vec<Log>,
) -> Result<Vec<LocatedEvent>, ChainError> {
    let mut events = Vec::with_capacity(logs.len());
    for log in logs {
        let bad = |reason: &str| forged(endpoint, format!("log: {reason}"));
        if log.address() != gateway {
            return Err(bad("of another contract"));
        }
        let (Some(number), Some(hash), Some(transaction), Some(log_index)) =
            (log.block_number, log.block_hash, log.transaction_hash, log.log_index)
        else {
            return Err(bad("of no block"));
        };
        if log.removed {
            return Err(bad("of a block that is no longer there"));
        }
        let event = decode_one(&log).map_err(|error| bad(&error))?;
        events.push(LocatedEvent {
            at: EventAt { block: BlockRef { number, hash }, transaction, log_index },
            event,
        });
    }
    events.sort_by_key(|event| (event.at.block.number, event.at.log_index));
    Ok(events)
}

fn decode_one(log: &Log) -> Result<Event, String> {
    let inner = &log.inner;
    let undecodable = |error: alloy_sol_types::Error| error.to_string();
    let event = match log.topic0().copied() {
        Some(Gateway::Sent::SIGNATURE_HASH) => {
            let sent = Gateway::Sent::decode_log_validate(inner).map_err(undecodable)?.data;
            Event::Sent(SentMessage {
                destination: ChainId(sent.destinationChain),
                generation: sent.generation,
                message: sent.message,
            })
        }
        Some(Gateway::Delivered::SIGNATURE_HASH) => {
            let delivered = Gateway::Delivered::decode_log_validate(inner).map_err(undecodable)?.data;
            Event::Delivered {
                lane: LaneId(delivered.lane),
                from_nonce: delivered.fromNonce,
                to_nonce: delivered.toNonce,
                accumulator: delivered.accumulator,
            }
        }
        Some(Gateway::Recorded::SIGNATURE_HASH) => {
            let recorded = Gateway::Recorded::decode_log_validate(inner).map_err(undecodable)?.data;
            let reason = RecordedReason::from_code(recorded.reason).ok_or("unknown reason")?;
            Event::Recorded { lane: LaneId(recorded.lane), nonce: recorded.nonce, id: recorded.id, reason }
        }
        Some(Gateway::Executed::SIGNATURE_HASH) => {
            let executed = Gateway::Executed::decode_log_validate(inner).map_err(undecodable)?.data;
            Event::Executed { lane: LaneId(executed.lane), nonce: executed.nonce, id: executed.id }
        }
        Some(Gateway::LaneOpened::SIGNATURE_HASH) => {
            let opened = Gateway::LaneOpened::decode_log_validate(inner).map_err(undecodable)?.data;
            Event::LaneOpened(LaneOpened {
                remote_chain: ChainId(opened.chain),
                remote_gateway: opened.gateway,
                generation: opened.generation,
                outbound: LaneId(opened.outboundLane),
                inbound: LaneId(opened.inboundLane),
            })
        }
        Some(Gateway::SetRotated::SIGNATURE_HASH) => {
            let rotated = Gateway::SetRotated::decode_log_validate(inner).map_err(undecodable)?.data;
            Event::SetRotated {
                epoch: rotated.epoch,
                set_hash: rotated.setHash,
                hub_time: rotated.hubTime,
                members: rotated.set,
            }
        }
        _ => return Err("not asked for".to_owned()),
    };
    Ok(event)
}
