//! The two ends of a lane, compared: what left, what arrived, what did not. Pure; the events come from the chains.

use alloy_primitives::{B256, Bytes};
use icc_chain::{Event, LocatedEvent};
use icc_protocol::{Kind, Lane, Message, TokenPayload, fold, message_id};
use serde::Serialize;

/// A message that is not settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Open {
    pub(crate) nonce: u64,
    pub(crate) id: B256,
    /// What it carries, if it carries tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_id: Option<B256>,
    /// In units of the home token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<String>,
}

/// What reconciliation found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    pub(crate) lane: String,
    pub(crate) generation: u32,
    /// Messages that left.
    pub(crate) sent: u64,
    /// Messages that arrived, if the inbox is at an accumulator of the outbox.
    pub(crate) delivered: Option<u64>,
    /// The inbox (of a closed lane, the last).
    pub(crate) inbox: B256,
    /// Closed at the source, at the destination.
    pub(crate) ended: (bool, bool),
    /// Left, and did not arrive.
    pub(crate) undelivered: Vec<Open>,
    /// Arrived, and wait for execution or refund.
    pub(crate) recorded: Vec<Open>,
    /// What contradicts what; empty if the ends agree.
    pub(crate) contradictions: Vec<String>,
}

/// The messages of a lane as its source tells them, each with the accumulator after it.
pub(crate) struct Sent {
    pub(crate) messages: Vec<(Bytes, B256)>,
    pub(crate) ended: bool,
}

impl Sent {
    /// From the source's events, in order.
    pub(crate) fn new(lane: &Lane, events: &[LocatedEvent]) -> Self {
        let mut accumulator = lane.id().0;
        let mut sent = Self { messages: Vec::new(), ended: false };
        for located in events {
            match &located.event {
                Event::Sent(message)
                    if (message.destination, message.generation)
                        == (lane.destination_chain, lane.generation) =>
                {
                    accumulator = fold(accumulator, alloy_primitives::keccak256(&message.message));
                    sent.messages.push((message.message.clone(), accumulator));
                }
                Event::LaneEnded(ended) if ended.outbound == lane.id() => sent.ended = true,
                _ => {}
            }
        }
        sent
    }

    /// How many messages an accumulator covers; `None` if it is none of this lane.
    pub(crate) fn covered(&self, lane: &Lane, accumulator: B256) -> Option<usize> {
        if accumulator == lane.id().0 {
            return Some(0);
        }
        self.messages.iter().position(|(_, after)| *after == accumulator).map(|index| index + 1)
    }
}

/// Compares a source's messages and outbox (nonce and accumulator; its events may have gone on since) with a destination's events and inbox.
pub(crate) fn reconcile(
    lane: &Lane,
    sent: &Sent,
    outbox: Option<(u64, B256)>,
    arrived: &[LocatedEvent],
    inbox: B256,
) -> Report {
    let id = lane.id();
    let mut contradictions = Vec::new();
    if let Some((nonce, accumulator)) = outbox
        && sent.covered(lane, accumulator).map(|covered| covered as u64) != Some(nonce)
    {
        contradictions.push(format!(
            "the outbox is at nonce {nonce}, but its events make {} messages or other ones: the endpoint leaves events \
             out, or the chain reverted",
            sent.messages.len()
        ));
    }
    let covered = sent.covered(lane, inbox);
    if covered.is_none() {
        contradictions.push(
            "the inbox is at no accumulator of the outbox: one of the chains reverted its finality"
                .to_owned(),
        );
    }
    let mut recorded: Vec<(u64, B256)> = Vec::new();
    let mut struck = Vec::new();
    let mut ended = false;
    for located in arrived {
        match &located.event {
            Event::Recorded { lane, nonce, id: message, .. } if *lane == id => {
                recorded.push((*nonce, *message))
            }
            Event::Executed { lane, nonce, .. } | Event::Expired { lane, nonce, .. } if *lane == id => {
                recorded.retain(|(waiting, _)| waiting != nonce);
            }
            Event::Struck { id } => struck.push(*id),
            Event::LaneEnded(event) if event.inbound == id => ended = true,
            _ => {}
        }
    }
    let open = |index: usize| describe(lane, index, &sent.messages[index].0);
    let undelivered =
        covered.map_or_else(Vec::new, |covered| (covered..sent.messages.len()).map(open).collect());
    recorded.retain(|(_, message)| !struck.contains(message));
    let waiting = recorded.iter().filter_map(|(nonce, _)| usize::try_from(nonce.checked_sub(1)?).ok());
    Report {
        lane: id.to_string(),
        generation: lane.generation,
        sent: sent.messages.len() as u64,
        delivered: covered.map(|covered| covered as u64),
        inbox,
        ended: (sent.ended, ended),
        undelivered,
        recorded: waiting.filter(|index| *index < sent.messages.len()).map(open).collect(),
        contradictions,
    }
}

fn describe(lane: &Lane, index: usize, encoded: &Bytes) -> Open {
    let id = message_id(lane.id(), alloy_primitives::keccak256(encoded));
    let message = Message::decode(encoded).ok();
    let payload = message.and_then(|message| {
        let carried =
            if message.kind == Kind::Refund { message.payload.get(32..)? } else { &message.payload };
        TokenPayload::decode(carried)
    });
    let transfer = payload.as_ref().and_then(TokenPayload::transfer);
    Open {
        nonce: index as u64 + 1,
        id,
        token_id: transfer.map(|transfer| transfer.token_id),
        amount: transfer.map(|transfer| transfer.amount.to_string()),
    }
}

impl Report {
    /// For people.
    pub(crate) fn text(&self) -> String {
        let closed = match self.ended {
            (false, false) => "open at both ends",
            (true, false) => "closed at its source only",
            (false, true) => "closed at its destination only",
            (true, true) => "closed at both ends",
        };
        let mut lines = vec![format!(
            "lane {} (generation {}), {closed}: {} sent, {} delivered",
            self.lane,
            self.generation,
            self.sent,
            self.delivered.map_or_else(|| "an unknown number".to_owned(), |n| n.to_string())
        )];
        lines.extend(self.contradictions.iter().map(|text| format!("CONTRADICTION: {text}")));
        let tell = |what: &str, open: &Open| match (&open.token_id, &open.amount) {
            (Some(token), Some(amount)) => {
                format!("{what}: message {} ({}) with {amount} units of token {token}", open.nonce, open.id)
            }
            _ => format!("{what}: message {} ({})", open.nonce, open.id),
        };
        lines.extend(self.undelivered.iter().map(|open| tell("not delivered", open)));
        lines.extend(self.recorded.iter().map(|open| tell("waits for execution or refund", open)));
        if self.ended.0 && !self.undelivered.is_empty() {
            lines.push(format!(
                "to send again from {}: icc lane allow-resend, then icc lane resend",
                self.inbox
            ));
        }
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use icc_chain::{BlockRef, EventAt, SentMessage};
    use icc_protocol::{ChainId, NetworkId, RecordedReason};

    use super::*;

    fn lane() -> Lane {
        Lane {
            network: NetworkId(B256::repeat_byte(1)),
            source_chain: ChainId(1),
            source_gateway: B256::repeat_byte(2),
            destination_chain: ChainId(2),
            destination_gateway: B256::repeat_byte(3),
            generation: 1,
        }
    }

    fn at(event: Event) -> LocatedEvent {
        let block = BlockRef { number: 1, hash: B256::ZERO };
        LocatedEvent { at: EventAt { block, transaction: B256::ZERO, log_index: 0 }, event }
    }

    fn message(nonce: u64) -> LocatedEvent {
        let message = Message {
            kind: Kind::Call,
            nonce,
            deadline: 0,
            gas_limit: 0,
            sender: B256::ZERO,
            recipient: B256::ZERO,
            payload: Bytes::from_static(b"x"),
        };
        let message = message.encode().into();
        at(Event::Sent(SentMessage { destination: ChainId(2), generation: 1, message }))
    }

    #[test]
    fn what_did_not_arrive_and_what_waits_is_found() {
        let sent = Sent::new(&lane(), &[message(1), message(2), message(3)]);
        let after = |n: usize| sent.messages[n - 1].1;
        let id = lane().id();
        let recorded = |nonce| {
            at(Event::Recorded { lane: id, nonce, id: B256::ZERO, reason: RecordedReason::CallFailed })
        };
        let executed = at(Event::Executed { lane: id, nonce: 1, id: B256::ZERO });
        let arrived = [recorded(1), recorded(2), executed];
        let report = reconcile(&lane(), &sent, Some((3, after(3))), &arrived, after(2));
        assert_eq!((report.sent, report.delivered), (3, Some(2)));
        assert_eq!(report.undelivered.iter().map(|open| open.nonce).collect::<Vec<_>>(), [3]);
        assert_eq!(report.recorded.iter().map(|open| open.nonce).collect::<Vec<_>>(), [2]);
        assert!(report.contradictions.is_empty());
    }

    #[test]
    fn forks_and_missing_events_are_contradictions() {
        let sent = Sent::new(&lane(), &[message(1)]);
        let foreign = reconcile(&lane(), &sent, None, &[], B256::repeat_byte(9));
        assert!(foreign.contradictions[0].contains("no accumulator"));
        assert_eq!(foreign.delivered, None);
        let missing = reconcile(&lane(), &sent, Some((2, B256::ZERO)), &[], lane().id().0);
        assert!(missing.contradictions[0].contains("nonce 2"));
    }
}
