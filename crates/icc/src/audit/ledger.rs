//! One chain's history up to a block, event by event: of each message only what an audit asks for.

use std::collections::BTreeMap;

use alloy_primitives::{B256, keccak256};
use icc_chain::{BlockRef, Event, LocatedEvent, QueueEnd, SentMessage};
use icc_protocol::{ChainId, FollowUp, Kind, LaneId, Message, TokenPayload, fold, message_id};

/// Token bridges by chain, as 32-byte accounts: who may move tokens.
pub(crate) type Bridges = BTreeMap<ChainId, B256>;

/// Tokens that a message carries between token bridges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) token: B256,
    /// In units of the home token.
    pub(crate) amount: u128,
    /// Whether home sends them on, or back, once this has arrived there.
    pub(crate) leads_on: bool,
}

/// A message that left.
#[derive(Debug, Clone)]
pub(crate) struct Left {
    pub(crate) id: B256,
    /// The outbox after it.
    pub(crate) accumulator: B256,
    /// The message that it brings back.
    pub(crate) refund_of: Option<B256>,
    pub(crate) carries: Option<Carried>,
}

/// A lane as its source tells it.
#[derive(Debug, Clone)]
pub(crate) struct Outbound {
    pub(crate) to: ChainId,
    pub(crate) gateway: B256,
    pub(crate) generation: u32,
    pub(crate) messages: Vec<Left>,
    /// Messages that had left when it was closed.
    pub(crate) ended: Option<u64>,
    /// Points from which what it had not delivered was allowed to leave again.
    pub(crate) resend_from: Vec<B256>,
}

/// A message that was delivered and recorded.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) id: B256,
    pub(crate) executed: u32,
    /// Lane and nonce of what brings it back.
    pub(crate) refunds: Vec<(LaneId, u64)>,
    pub(crate) struck: bool,
}

impl Recorded {
    pub(crate) fn waits(&self) -> bool {
        self.executed == 0 && self.refunds.is_empty() && !self.struck
    }
}

/// A lane as its destination tells it.
#[derive(Debug, Clone)]
pub(crate) struct Inbound {
    pub(crate) from: ChainId,
    pub(crate) generation: u32,
    /// Nonce up to which it was delivered without gap.
    pub(crate) delivered: u64,
    /// Last nonce of each delivery, and the inbox after it.
    pub(crate) deliveries: Vec<(u64, B256)>,
    pub(crate) recorded: BTreeMap<u64, Recorded>,
    /// The inbox that it was closed with.
    pub(crate) ended: Option<B256>,
}

/// A message that another one led the token bridge to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Followed {
    pub(crate) message: B256,
    pub(crate) why: FollowUp,
    pub(crate) lane: LaneId,
    pub(crate) nonce: u64,
}

/// A transfer that waits above the rate limit, or was struck there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InQueue {
    pub(crate) message: B256,
    pub(crate) amount: u128,
    pub(crate) cancelled: bool,
}

/// A token that home made known to another chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Registration {
    pub(crate) home_token: B256,
    pub(crate) to: ChainId,
}

/// A chain's history.
pub(crate) struct Ledger {
    pub(crate) chain: ChainId,
    pub(crate) name: String,
    bridges: Bridges,
    /// The last block that it holds.
    pub(crate) upto: BlockRef,
    pub(crate) outbound: BTreeMap<LaneId, Outbound>,
    pub(crate) inbound: BTreeMap<LaneId, Inbound>,
    /// The lane to each chain that is open, or was last.
    newest: BTreeMap<ChainId, LaneId>,
    pub(crate) followed: Vec<Followed>,
    /// By token and place; what was paid out is gone.
    pub(crate) queue: BTreeMap<(B256, u64), InQueue>,
    pub(crate) registrations: Vec<Registration>,
    /// What contradicts what came before it.
    pub(crate) contradictions: Vec<String>,
}

impl Ledger {
    pub(crate) fn new(chain: ChainId, name: &str, bridges: Bridges, start: BlockRef) -> Self {
        Self {
            chain,
            name: name.to_owned(),
            bridges,
            upto: start,
            outbound: BTreeMap::new(),
            inbound: BTreeMap::new(),
            newest: BTreeMap::new(),
            followed: Vec::new(),
            queue: BTreeMap::new(),
            registrations: Vec::new(),
            contradictions: Vec::new(),
        }
    }

    fn contradiction(&mut self, text: String) {
        self.contradictions.push(format!("{}: {text}", self.name));
    }

    /// The next event, in the chain's order.
    pub(crate) fn apply(&mut self, located: &LocatedEvent) {
        match &located.event {
            Event::Sent(sent) => self.sent(sent),
            Event::Delivered { lane, from_nonce, to_nonce, accumulator } => {
                self.delivered(*lane, (*from_nonce, *to_nonce), *accumulator);
            }
            Event::Recorded { lane, nonce, id, .. } => self.recorded(*lane, *nonce, *id),
            Event::Executed { lane, nonce, id } => {
                self.of_record((*lane, *nonce, *id), "executed", |record| record.executed += 1);
            }
            Event::Expired { lane, nonce, id, refund_nonce } => {
                let from = self.inbound.get(lane).map(|inbound| inbound.from);
                let Some(back) = from.and_then(|from| self.newest.get(&from).copied()) else {
                    return self
                        .contradiction(format!("message {nonce} of {lane} expired without a lane back"));
                };
                let refund = (back, *refund_nonce);
                self.of_record((*lane, *nonce, *id), "expired", |record| record.refunds.push(refund));
            }
            Event::Struck { id } => self.struck(*id),
            Event::LaneOpened(_) | Event::LaneEnded(_) | Event::ResendAllowed { .. } => {
                self.lane_event(&located.event);
            }
            Event::FollowedUp { message_id, why, destination, nonce } => {
                match self.newest.get(destination).copied() {
                    Some(lane) => {
                        let (message, why, nonce) = (*message_id, *why, *nonce);
                        self.followed.push(Followed { message, why, lane, nonce });
                    }
                    None => self.contradiction(format!(
                        "message {message_id} led to one to chain {destination}, to which no lane was opened"
                    )),
                }
            }
            Event::Queued(queued) => {
                let entry = InQueue { message: queued.message_id, amount: queued.amount, cancelled: false };
                if self.queue.insert((queued.token_id, queued.index), entry).is_some() {
                    let (token, index) = (queued.token_id, queued.index);
                    self.contradiction(format!(
                        "place {index} in the queue of token {token} was given twice"
                    ));
                }
            }
            Event::QueueEnded { token_id, index, end } => self.queue_ended((*token_id, *index), *end),
            Event::Unreadable { reason } => self.contradiction(format!("a log that is no event: {reason}")),
            Event::FeePaid { .. } | Event::SetRotated { .. } => {}
        }
    }

    fn lane_event(&mut self, event: &Event) {
        match event {
            Event::LaneOpened(opened) => {
                let outbound = Outbound {
                    to: opened.remote_chain,
                    gateway: opened.remote_gateway,
                    generation: opened.generation,
                    messages: Vec::new(),
                    ended: None,
                    resend_from: Vec::new(),
                };
                let inbound = Inbound {
                    from: opened.remote_chain,
                    generation: opened.generation,
                    delivered: 0,
                    deliveries: Vec::new(),
                    recorded: BTreeMap::new(),
                    ended: None,
                };
                let twice = self.outbound.insert(opened.outbound, outbound).is_some()
                    | self.inbound.insert(opened.inbound, inbound).is_some();
                self.newest.insert(opened.remote_chain, opened.outbound);
                if twice {
                    self.contradiction(format!("lane {} was opened twice", opened.outbound));
                }
            }
            Event::LaneEnded(ended) => {
                let outbound = self.outbound.get_mut(&ended.outbound);
                let inbound = self.inbound.get_mut(&ended.inbound);
                if let (Some(outbound), Some(inbound)) = (outbound, inbound) {
                    outbound.ended = Some(ended.outbox_nonce);
                    inbound.ended = Some(ended.inbox);
                } else {
                    self.contradiction(format!("lane {} was closed, but never opened", ended.outbound));
                }
            }
            Event::ResendAllowed { lane, from } => match self.outbound.get_mut(lane) {
                Some(outbound) => outbound.resend_from.push(*from),
                None => self.contradiction(format!("lane {lane} may be sent again, but was never opened")),
            },
            _ => {}
        }
    }

    fn sent(&mut self, sent: &SentMessage) {
        let lane = self.newest.get(&sent.destination).copied();
        let own = self.bridges.get(&self.chain).copied();
        let peer = self.bridges.get(&sent.destination).copied();
        let open = lane.and_then(|lane| Some((lane, self.outbound.get_mut(&lane)?)));
        let is_open =
            |outbound: &Outbound| outbound.generation == sent.generation && outbound.ended.is_none();
        let Some((lane, outbound)) = open.filter(|(_, outbound)| is_open(outbound)) else {
            let (to, generation) = (sent.destination, sent.generation);
            return self.contradiction(format!(
                "a message left for chain {to} on generation {generation}, which was not open"
            ));
        };
        let before = outbound.messages.last().map_or(lane.0, |last| last.accumulator);
        let leaf = keccak256(&sent.message);
        let mut left = Left {
            id: message_id(lane, leaf),
            accumulator: fold(before, leaf),
            refund_of: None,
            carries: None,
        };
        let due = outbound.messages.len() as u64 + 1;
        let mut wrong = None;
        let mut registration = None;
        match Message::decode(&sent.message) {
            Ok(message) => {
                if message.nonce != due {
                    wrong = Some(format!("lane {lane}: message {} left where {due} was due", message.nonce));
                }
                let payload = carried_payload(&message, &mut left);
                if Some(message.sender) == own && Some(message.recipient) == peer {
                    let decoded = payload.and_then(TokenPayload::decode);
                    left.carries = decoded.as_ref().and_then(|payload| carried(payload, message.kind));
                    if let Some(TokenPayload::Registration { home_token }) = decoded {
                        registration = Some(Registration { home_token, to: sent.destination });
                    }
                }
            }
            Err(error) => wrong = Some(format!("lane {lane}: what left as message {due} is none: {error}")),
        }
        outbound.messages.push(left);
        self.registrations.extend(registration);
        if let Some(wrong) = wrong {
            self.contradiction(wrong);
        }
    }

    fn delivered(&mut self, lane: LaneId, (from, to): (u64, u64), accumulator: B256) {
        let Some(inbound) = self.inbound.get_mut(&lane) else {
            return self.contradiction(format!("a delivery on lane {lane}, which was never opened"));
        };
        let due = inbound.delivered + 1;
        inbound.delivered = inbound.delivered.max(to);
        inbound.deliveries.push((to, accumulator));
        if from > due {
            self.contradiction(format!("lane {lane}: messages {due} to {} were passed over", from - 1));
        } else if from < due || to < from {
            self.contradiction(format!(
                "lane {lane}: messages {from} to {to} were delivered when {due} was due: some twice"
            ));
        }
    }

    fn recorded(&mut self, lane: LaneId, nonce: u64, id: B256) {
        let record = Recorded { id, executed: 0, refunds: Vec::new(), struck: false };
        let Some(inbound) = self.inbound.get_mut(&lane) else {
            return self
                .contradiction(format!("message {nonce} recorded on lane {lane}, which was never opened"));
        };
        let early = nonce == 0 || nonce > inbound.delivered;
        if early || inbound.recorded.insert(nonce, record).is_some() {
            let what = if early { "without a delivery" } else { "twice" };
            self.contradiction(format!("lane {lane}: message {nonce} was recorded {what}"));
        }
    }

    fn of_record(
        &mut self,
        (lane, nonce, id): (LaneId, u64, B256),
        what: &str,
        act: impl FnOnce(&mut Recorded),
    ) {
        let record = self.inbound.get_mut(&lane).and_then(|inbound| inbound.recorded.get_mut(&nonce));
        match record.filter(|record| record.id == id) {
            Some(record) => {
                let waits = record.waits();
                act(record);
                if !waits {
                    let text = format!("lane {lane}: message {nonce} was {what}, but did not wait any more");
                    self.contradiction(text);
                }
            }
            None => self.contradiction(format!("lane {lane}: message {nonce} was {what}, but not recorded")),
        }
    }

    /// Rare, so that a search will do.
    fn struck(&mut self, id: B256) {
        let records = self.inbound.values_mut().flat_map(|inbound| inbound.recorded.values_mut());
        match records.into_iter().find(|record| record.id == id) {
            Some(record) if record.waits() => record.struck = true,
            Some(_) => self.contradiction(format!("message {id} was struck, but did not wait any more")),
            None => self.contradiction(format!("message {id} was struck, but not recorded")),
        }
    }

    fn queue_ended(&mut self, at: (B256, u64), end: QueueEnd) {
        let (token, index) = at;
        match (self.queue.get_mut(&at), end) {
            (Some(entry), QueueEnd::Cancelled) if !entry.cancelled => entry.cancelled = true,
            // Taken off, after it was struck.
            (Some(entry), QueueEnd::Released) if entry.cancelled => {}
            (Some(entry), QueueEnd::Released | QueueEnd::Claimable) if !entry.cancelled => {
                self.queue.remove(&at);
            }
            _ => self
                .contradiction(format!("place {index} in the queue of token {token} ended twice ({end:?})")),
        }
    }
}

/// What a message carries; of a refund, what it brings back.
fn carried_payload<'a>(message: &'a Message, left: &mut Left) -> Option<&'a [u8]> {
    match message.kind {
        Kind::Call => Some(&message.payload),
        Kind::Refund => {
            left.refund_of = message.payload.get(..32).map(B256::from_slice);
            message.payload.get(32..)
        }
        Kind::Evidence => None,
    }
}

fn carried(payload: &TokenPayload, kind: Kind) -> Option<Carried> {
    let leads_on = matches!(
        (payload, kind),
        (TokenPayload::Forward { .. }, Kind::Call) | (TokenPayload::Forwarded { .. }, Kind::Refund)
    );
    payload.transfer().map(|transfer| Carried { token: transfer.token_id, amount: transfer.amount, leads_on })
}
