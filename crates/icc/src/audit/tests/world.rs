//! Two chains with a lane each way and a token at home on the first; what the contracts answer follows from the events, unless a
//! test says otherwise.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use icc_chain::{BlockRef, Event, EventAt, LaneEnded, LaneOpened, LocatedEvent, SentMessage};
use icc_chain_evm::token_id;
use icc_protocol::{ChainId, Kind, Lane, LaneId, Message, NetworkId, RecordedReason};

use crate::audit::{
    lanes::{Answers, Cut, OutboxAt, TokenAt, accumulator, judge},
    ledger::{Bridges, Ledger},
    report::Report,
};

pub(super) const HOME: ChainId = ChainId(1);
pub(super) const AWAY: ChainId = ChainId(2);
pub(super) const TOKEN: Address = Address::repeat_byte(0x70);

pub(super) struct World {
    pub(super) ledgers: BTreeMap<ChainId, Ledger>,
    pub(super) tokens: BTreeMap<ChainId, TokenAt>,
    pub(super) resent_to: B256,
    generation: u32,
}

pub(super) fn bridge(chain: ChainId) -> B256 {
    B256::left_padding_from(&[0xb0 + chain.0 as u8; 20])
}

pub(super) fn token() -> B256 {
    token_id(HOME, TOKEN)
}

pub(super) fn lane(from: ChainId, to: ChainId, generation: u32) -> LaneId {
    let gateway = |chain: ChainId| B256::repeat_byte(chain.0 as u8);
    let lane = Lane {
        network: NetworkId(B256::repeat_byte(9)),
        source_chain: from,
        source_gateway: gateway(from),
        destination_chain: to,
        destination_gateway: gateway(to),
        generation,
    };
    lane.id()
}

/// A transfer's payload; 3: to be passed on, 4: passed on.
pub(super) fn transfer(kind: u8, amount: u128) -> Vec<u8> {
    let mut payload = vec![kind];
    payload.extend(token().0);
    payload.extend(amount.to_be_bytes());
    payload.extend([0; 64]);
    match kind {
        3 => payload.extend([0; 16]),
        4 => payload.extend([0; 8]),
        _ => {}
    }
    payload
}

impl World {
    /// The token is registered; ten units are away and one waits in a queue there, all delivered.
    pub(super) fn new() -> Self {
        let bridges: Bridges = [HOME, AWAY].map(|chain| (chain, bridge(chain))).into();
        let start = BlockRef { number: 0, hash: B256::ZERO };
        let ledger = |chain, name| (chain, Ledger::new(chain, name, bridges.clone(), start));
        let ledgers = [ledger(HOME, "home"), ledger(AWAY, "away")].into();
        let mut world = Self { ledgers, tokens: BTreeMap::new(), resent_to: B256::ZERO, generation: 0 };
        world.open();
        let mut registration = vec![2];
        registration.extend(TOKEN.into_word());
        world.send(HOME, Kind::Call, &registration);
        world.send(HOME, Kind::Call, &transfer(1, 10));
        world.deliver(AWAY, 1, 2);
        let vault = TokenAt { kind: 1, local: TOKEN, vault: U256::from(10), ..TokenAt::default() };
        world.tokens.insert(HOME, TokenAt { held: [(AWAY, 10)].into(), ..vault });
        world.tokens.insert(AWAY, TokenAt { kind: 2, supply: U256::from(10), ..TokenAt::default() });
        world
    }

    pub(super) fn other(chain: ChainId) -> ChainId {
        if chain == HOME { AWAY } else { HOME }
    }

    /// The next generation.
    pub(super) fn open(&mut self) {
        self.generation += 1;
        for chain in [HOME, AWAY] {
            let other = Self::other(chain);
            self.event(
                chain,
                Event::LaneOpened(LaneOpened {
                    remote_chain: other,
                    remote_gateway: B256::repeat_byte(other.0 as u8),
                    generation: self.generation,
                    outbound: lane(chain, other, self.generation),
                    inbound: lane(other, chain, self.generation),
                }),
            );
        }
    }

    pub(super) fn close(&mut self) {
        for chain in [AWAY, HOME] {
            let other = Self::other(chain);
            let (outbound, inbound) =
                (lane(chain, other, self.generation), lane(other, chain, self.generation));
            let ledger = &self.ledgers[&chain];
            let delivered = ledger.inbound[&inbound].deliveries.last();
            self.event(
                chain,
                Event::LaneEnded(LaneEnded {
                    remote_chain: other,
                    generation: self.generation,
                    outbound,
                    inbound,
                    outbox_nonce: ledger.outbound[&outbound].messages.len() as u64,
                    inbox: delivered.map_or(inbound.0, |(_, inbox)| *inbox),
                }),
            );
        }
    }

    pub(super) fn event(&mut self, chain: ChainId, event: Event) {
        let block = BlockRef { number: 1, hash: B256::ZERO };
        let at = EventAt { block, transaction: B256::ZERO, log_index: 0 };
        self.ledgers.get_mut(&chain).unwrap().apply(&LocatedEvent { at, event });
    }

    /// The lane into a chain.
    pub(super) fn way_to(&self, chain: ChainId) -> LaneId {
        lane(Self::other(chain), chain, self.generation)
    }

    /// A token bridge's message; returns its nonce.
    pub(super) fn send(&mut self, from: ChainId, kind: Kind, payload: &[u8]) -> u64 {
        let to = Self::other(from);
        let nonce = self.ledgers[&from].outbound[&self.way_to(to)].messages.len() as u64 + 1;
        let message = Message {
            kind,
            nonce,
            deadline: 0,
            gas_limit: 0,
            sender: bridge(from),
            recipient: bridge(to),
            payload: Bytes::copy_from_slice(payload),
        };
        let message = message.encode().into();
        let generation = self.generation;
        self.event(from, Event::Sent(SentMessage { destination: to, generation, message }));
        nonce
    }

    pub(super) fn id(&self, to: ChainId, nonce: u64) -> B256 {
        self.ledgers[&Self::other(to)].outbound[&self.way_to(to)].messages[nonce as usize - 1].id
    }

    pub(super) fn deliver(&mut self, to: ChainId, from_nonce: u64, to_nonce: u64) {
        let lane = self.way_to(to);
        let outbound = &self.ledgers[&Self::other(to)].outbound[&lane];
        let accumulator = accumulator(lane, outbound, to_nonce).unwrap_or(B256::repeat_byte(0xbad_u16 as u8));
        self.event(to, Event::Delivered { lane, from_nonce, to_nonce, accumulator });
    }

    pub(super) fn record(&mut self, to: ChainId, nonce: u64) {
        let (lane, id) = (self.way_to(to), self.id(to, nonce));
        self.event(to, Event::Recorded { lane, nonce, id, reason: RecordedReason::CallFailed });
    }

    pub(super) fn execute(&mut self, to: ChainId, nonce: u64) {
        let (lane, id) = (self.way_to(to), self.id(to, nonce));
        self.event(to, Event::Executed { lane, nonce, id });
    }

    /// A recorded message's refund leaves, with what the message carried.
    pub(super) fn expire(&mut self, to: ChainId, nonce: u64, carried: &[u8]) {
        let (lane, id) = (self.way_to(to), self.id(to, nonce));
        let refund_nonce = self.send(to, Kind::Refund, &[id.as_slice(), carried].concat());
        self.event(to, Event::Expired { lane, nonce, id, refund_nonce });
    }

    pub(super) fn token(&mut self, chain: ChainId) -> &mut TokenAt {
        self.tokens.get_mut(&chain).unwrap()
    }

    /// What contracts answer that keep to what they have told.
    fn answers(&self, chain: ChainId) -> Answers {
        let ledger = &self.ledgers[&chain];
        let outbox = |(lane, outbound): (&LaneId, &crate::audit::ledger::Outbound)| {
            let nonce = outbound.messages.len() as u64;
            let accumulator = accumulator(*lane, outbound, nonce).unwrap();
            let resent_to = if outbound.resend_from.is_empty() { B256::ZERO } else { self.resent_to };
            (*lane, OutboxAt { nonce, accumulator, resent_to })
        };
        let inbox = |(lane, inbound): (&LaneId, &crate::audit::ledger::Inbound)| {
            (*lane, inbound.deliveries.last().map_or(lane.0, |(_, inbox)| *inbox))
        };
        Answers {
            outboxes: ledger.outbound.iter().map(outbox).collect(),
            inboxes: ledger.inbound.iter().map(inbox).collect(),
            tokens: [(token(), self.tokens[&chain].clone())].into(),
        }
    }

    pub(super) fn judge(&self) -> Report {
        self.judge_with(|_, _| {})
    }

    /// With other answers of the contracts.
    pub(super) fn judge_with(&self, change: impl Fn(ChainId, &mut Answers)) -> Report {
        let mut answers: BTreeMap<ChainId, Answers> =
            [HOME, AWAY].map(|chain| (chain, self.answers(chain))).into();
        for (chain, answers) in &mut answers {
            change(*chain, answers);
        }
        let chains = self.ledgers.iter().map(|(chain, ledger)| (*chain, (ledger, &answers[chain])));
        judge(&Cut { chains: chains.collect() })
    }
}

/// There is one violation at least, and it says so.
#[track_caller]
pub(super) fn finds(report: &Report, says: &str) {
    assert!(
        report.violations.iter().any(|text| text.contains(says)),
        "{says:?} is not in {:#?}",
        report.violations
    );
}

#[track_caller]
pub(super) fn whole(report: &Report) {
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
}
