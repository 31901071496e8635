//! The logs of gateway and token bridge, as the bridge's events.

use alloy_primitives::{Address, B256};
use alloy_rpc_types_eth::Log;
use alloy_sol_types::SolEvent;
use icc_chain::{
    BlockRef, ChainError, Event, EventAt, LaneEnded, LaneOpened, LocatedEvent, QueueEnd, Queued, SentMessage,
};
use icc_protocol::{ChainId, FollowUp, LaneId, RecordedReason};
use icc_rpc::Endpoint;

use crate::{
    EvmChain,
    bindings::{Gateway, TokenBridge},
    node::forged,
};

/// The contracts that events may come from.
pub(crate) struct Contracts {
    pub(crate) gateway: Address,
    /// Zero: none.
    pub(crate) token_bridge: Address,
}

impl Contracts {
    pub(crate) fn of(config: &EvmChain) -> Self {
        Self { gateway: config.gateway, token_bridge: config.token_bridge }
    }
}

/// Most characters of what is wrong with a log.
const MAX_REASON: usize = 200;

/// The events that are followed.
pub(crate) fn topics() -> Vec<B256> {
    vec![
        Gateway::Sent::SIGNATURE_HASH,
        Gateway::Delivered::SIGNATURE_HASH,
        Gateway::Recorded::SIGNATURE_HASH,
        Gateway::Executed::SIGNATURE_HASH,
        Gateway::Expired::SIGNATURE_HASH,
        Gateway::Struck::SIGNATURE_HASH,
        Gateway::LaneOpened::SIGNATURE_HASH,
        Gateway::LaneEnded::SIGNATURE_HASH,
        Gateway::ResendAllowed::SIGNATURE_HASH,
        Gateway::FeePaid::SIGNATURE_HASH,
        Gateway::SetRotated::SIGNATURE_HASH,
        TokenBridge::Forwarded::SIGNATURE_HASH,
        TokenBridge::Returned::SIGNATURE_HASH,
        TokenBridge::TransferQueued::SIGNATURE_HASH,
        TokenBridge::QueueReleased::SIGNATURE_HASH,
        TokenBridge::QueueCancelled::SIGNATURE_HASH,
    ]
}

/// The events that make accumulators.
pub(crate) fn outbox_topics() -> Vec<B256> {
    vec![
        Gateway::Sent::SIGNATURE_HASH,
        Gateway::LaneOpened::SIGNATURE_HASH,
        Gateway::LaneEnded::SIGNATURE_HASH,
    ]
}

/// Decodes logs that a node gave for the contracts, in order.
///
/// # Errors
/// [`ChainError::Forged`] for a log of another contract, or one that was not asked for.
pub(crate) fn decode(
    endpoint: &Endpoint,
    contracts: &Contracts,
    logs: Vec<Log>,
) -> Result<Vec<LocatedEvent>, ChainError> {
    let mut events = Vec::with_capacity(logs.len());
    for log in logs {
        let bad = |reason: &str| forged(endpoint, format!("log: {reason}"));
        let (Some(number), Some(hash), Some(transaction), Some(log_index)) =
            (log.block_number, log.block_hash, log.transaction_hash, log.log_index)
        else {
            return Err(bad("of no block"));
        };
        if log.removed {
            return Err(bad("of a block that is no longer there"));
        }
        let event = if log.address() == contracts.gateway {
            gateway_event(&log)
        } else if log.address() == contracts.token_bridge {
            token_event(&log)
        } else {
            return Err(bad("of another contract"));
        };
        let asked = log.topic0().is_some_and(|topic| topics().contains(topic));
        let event = match event {
            Ok(event) => event,
            // The contract's doing: the endpoint is not to blame for what it tells.
            Err(reason) if asked => Event::Unreadable { reason: reason.chars().take(MAX_REASON).collect() },
            Err(reason) => return Err(bad(&reason)),
        };
        events.push(LocatedEvent {
            at: EventAt { block: BlockRef { number, hash }, transaction, log_index },
            event,
        });
    }
    events.sort_by_key(|event| (event.at.block.number, event.at.log_index));
    Ok(events)
}

/// A log's event, or why it is not one.
fn read<E: SolEvent>(log: &Log) -> Result<E, String> {
    E::decode_log_validate(&log.inner).map(|log| log.data).map_err(|error| error.to_string())
}

fn gateway_event(log: &Log) -> Result<Event, String> {
    Ok(match log.topic0().copied() {
        Some(Gateway::Sent::SIGNATURE_HASH) => {
            let sent: Gateway::Sent = read(log)?;
            Event::Sent(SentMessage {
                destination: ChainId(sent.destinationChain),
                generation: sent.generation,
                message: sent.message,
            })
        }
        Some(Gateway::Delivered::SIGNATURE_HASH) => {
            let delivered: Gateway::Delivered = read(log)?;
            Event::Delivered {
                lane: LaneId(delivered.lane),
                from_nonce: delivered.fromNonce,
                to_nonce: delivered.toNonce,
                accumulator: delivered.accumulator,
            }
        }
        Some(Gateway::Recorded::SIGNATURE_HASH) => {
            let recorded: Gateway::Recorded = read(log)?;
            let reason = RecordedReason::from_code(recorded.reason).ok_or("unknown reason")?;
            Event::Recorded { lane: LaneId(recorded.lane), nonce: recorded.nonce, id: recorded.id, reason }
        }
        Some(Gateway::Executed::SIGNATURE_HASH) => {
            let executed: Gateway::Executed = read(log)?;
            Event::Executed { lane: LaneId(executed.lane), nonce: executed.nonce, id: executed.id }
        }
        Some(Gateway::Expired::SIGNATURE_HASH) => {
            let expired: Gateway::Expired = read(log)?;
            Event::Expired {
                lane: LaneId(expired.lane),
                nonce: expired.nonce,
                id: expired.id,
                refund_nonce: expired.refundNonce,
            }
        }
        Some(Gateway::FeePaid::SIGNATURE_HASH) => {
            let paid: Gateway::FeePaid = read(log)?;
            Event::FeePaid {
                destination: ChainId(paid.chain),
                generation: paid.generation,
                nonce: paid.nonce,
                amount: paid.amount.try_into().map_err(|_| "a fee beyond any coin's supply")?,
            }
        }
        _ => return lane_or_set(log),
    })
}

/// The rare ones.
fn lane_or_set(log: &Log) -> Result<Event, String> {
    Ok(match log.topic0().copied() {
        Some(Gateway::LaneOpened::SIGNATURE_HASH) => {
            let opened: Gateway::LaneOpened = read(log)?;
            Event::LaneOpened(LaneOpened {
                remote_chain: ChainId(opened.chain),
                remote_gateway: opened.gateway,
                generation: opened.generation,
                outbound: LaneId(opened.outboundLane),
                inbound: LaneId(opened.inboundLane),
            })
        }
        Some(Gateway::Struck::SIGNATURE_HASH) => {
            let struck: Gateway::Struck = read(log)?;
            Event::Struck { id: struck.id }
        }
        Some(Gateway::LaneEnded::SIGNATURE_HASH) => {
            let ended: Gateway::LaneEnded = read(log)?;
            Event::LaneEnded(LaneEnded {
                remote_chain: ChainId(ended.chain),
                generation: ended.generation,
                outbound: LaneId(ended.outboundLane),
                inbound: LaneId(ended.inboundLane),
                outbox_nonce: ended.outboxNonce,
                inbox: ended.inbox,
            })
        }
        Some(Gateway::ResendAllowed::SIGNATURE_HASH) => {
            let allowed: Gateway::ResendAllowed = read(log)?;
            Event::ResendAllowed { lane: LaneId(allowed.lane), from: allowed.from }
        }
        Some(Gateway::SetRotated::SIGNATURE_HASH) => {
            let rotated: Gateway::SetRotated = read(log)?;
            Event::SetRotated {
                epoch: rotated.epoch,
                set_hash: rotated.setHash,
                hub_time: rotated.hubTime,
                members: rotated.set,
            }
        }
        _ => return Err("not asked for".to_owned()),
    })
}

fn token_event(log: &Log) -> Result<Event, String> {
    Ok(match log.topic0().copied() {
        Some(TokenBridge::Forwarded::SIGNATURE_HASH) => {
            let forwarded: TokenBridge::Forwarded = read(log)?;
            Event::FollowedUp {
                message_id: forwarded.id,
                why: FollowUp::Forwarded,
                destination: ChainId(forwarded.toChain),
                nonce: forwarded.nonce,
            }
        }
        Some(TokenBridge::Returned::SIGNATURE_HASH) => {
            let returned: TokenBridge::Returned = read(log)?;
            Event::FollowedUp {
                message_id: returned.id,
                why: FollowUp::Returned,
                destination: ChainId(returned.toChain),
                nonce: returned.nonce,
            }
        }
        Some(TokenBridge::TransferQueued::SIGNATURE_HASH) => {
            let queued: TokenBridge::TransferQueued = read(log)?;
            Event::Queued(Queued {
                token_id: queued.tokenId,
                index: queued.index,
                message_id: queued.id,
                amount: queued.amount,
                release_at: queued.releaseAt.to(),
            })
        }
        Some(TokenBridge::QueueReleased::SIGNATURE_HASH) => {
            let released: TokenBridge::QueueReleased = read(log)?;
            let end = if released.claimable { QueueEnd::Claimable } else { QueueEnd::Released };
            Event::QueueEnded { token_id: released.tokenId, index: released.index, end }
        }
        Some(TokenBridge::QueueCancelled::SIGNATURE_HASH) => {
            let cancelled: TokenBridge::QueueCancelled = read(log)?;
            Event::QueueEnded {
                token_id: cancelled.tokenId,
                index: cancelled.index,
                end: QueueEnd::Cancelled,
            }
        }
        _ => return Err("not asked for".to_owned()),
    })
}
