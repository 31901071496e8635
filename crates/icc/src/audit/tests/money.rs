//! Supply = escrow, to the last unit.

use alloy_primitives::{B256, U256};
use icc_chain::{Event, QueueEnd, Queued};
use icc_protocol::Kind;

use super::world::{AWAY, HOME, World, finds, token, transfer, whole};
use crate::audit::report::Verdict;

#[test]
fn one_unit_too_many_or_too_few_is_found() {
    let mut world = World::new();
    world.token(AWAY).supply = U256::from(11);
    finds(&world.judge(), "1 from nowhere");
    world.token(AWAY).supply = U256::from(9);
    finds(&world.judge(), "1 are missing");
    world.token(AWAY).supply = U256::from(10);
    world.token(HOME).vault = U256::from(9);
    finds(&world.judge(), "1 too little");
    world.token(HOME).vault = U256::from(10);
    world.token(HOME).claims = 1;
    finds(&world.judge(), "1 too little");
}

/// Anybody can send tokens to a vault, and must not be able to make audits fail.
#[test]
fn a_gift_to_the_vault_is_told_and_harmless() {
    let mut world = World::new();
    world.token(HOME).vault = U256::from(12);
    let report = world.judge();
    assert_eq!((report.verdict(), report.tokens[0].surplus.as_str()), (Verdict::Whole, "2"));
}

/// Only token bridges move tokens: the same bytes from anybody else are a message.
#[test]
fn a_strangers_message_that_looks_like_a_transfer_moves_nothing() {
    let mut world = World::new();
    let ledger = world.ledgers.get_mut(&HOME).unwrap();
    let lane = *ledger.outbound.keys().next().unwrap();
    let before = ledger.outbound[&lane].messages.len();
    let message = icc_protocol::Message {
        kind: Kind::Call,
        nonce: 3,
        deadline: 0,
        gas_limit: 0,
        sender: B256::repeat_byte(5),
        recipient: super::world::bridge(AWAY),
        payload: transfer(1, 1000).into(),
    };
    let message = message.encode().into();
    world.event(HOME, Event::Sent(icc_chain::SentMessage { destination: AWAY, generation: 1, message }));
    assert_eq!(world.ledgers[&HOME].outbound[&lane].messages.len(), before + 1);
    whole(&world.judge());
}

#[test]
fn an_issuers_token_stands_outside_and_is_said_to() {
    let mut world = World::new();
    world.token(AWAY).kind = 3;
    world.token(AWAY).supply = U256::from(1_000_000);
    let report = world.judge();
    whole(&report);
    assert!(report.notes.iter().any(|note| note.contains("issuer's on away")), "{:?}", report.notes);
}

fn queued(index: u64, message_id: B256, amount: u128) -> Event {
    Event::Queued(Queued { token_id: token(), index, message_id, amount, release_at: 0 })
}

#[test]
fn a_queue_holds_what_was_put_there() {
    let mut world = World::new();
    let id = world.id(AWAY, 2);
    world.event(AWAY, queued(0, id, 10));
    world.token(AWAY).supply = U256::ZERO;
    world.token(AWAY).queue = 10;
    let report = world.judge();
    assert_eq!((report.verdict(), report.lanes[0].queued), (Verdict::Unsettled, 1), "{report:?}");
    world.token(AWAY).queue = 9;
    world.token(AWAY).supply = U256::from(1);
    finds(&world.judge(), "wait in the queue, but 10 were put there");

    let ended = |end| Event::QueueEnded { token_id: token(), index: 0, end };
    world.event(AWAY, ended(QueueEnd::Released));
    world.token(AWAY).queue = 0;
    world.token(AWAY).supply = U256::from(10);
    whole(&world.judge());
    world.event(AWAY, ended(QueueEnd::Released));
    finds(&world.judge(), "ended twice");
}

/// Away from home a struck mint stays counted; at home it is counted for its source again.
#[test]
fn what_was_struck_in_a_queue_stays_counted() {
    let mut world = World::new();
    let id = world.id(AWAY, 2);
    world.event(AWAY, queued(0, id, 10));
    world.event(AWAY, Event::QueueEnded { token_id: token(), index: 0, end: QueueEnd::Cancelled });
    world.token(AWAY).supply = U256::ZERO;
    whole(&world.judge());
    world.token(AWAY).supply = U256::from(10);
    finds(&world.judge(), "10 from nowhere");

    let mut world = World::new();
    world.send(AWAY, Kind::Call, &transfer(1, 4));
    world.deliver(HOME, 1, 1);
    let id = world.id(HOME, 1);
    world.event(HOME, queued(0, id, 4));
    world.event(HOME, Event::QueueEnded { token_id: token(), index: 0, end: QueueEnd::Cancelled });
    world.token(AWAY).supply = U256::from(6);
    whole(&world.judge());
}

#[test]
fn a_struck_message_stays_counted() {
    let mut world = World::new();
    world.send(HOME, Kind::Call, &transfer(1, 5));
    world.deliver(AWAY, 3, 3);
    world.record(AWAY, 3);
    let id = world.id(AWAY, 3);
    world.event(AWAY, Event::Struck { id });
    world.token(HOME).held.insert(AWAY, 15);
    world.token(HOME).vault = U256::from(15);
    let report = world.judge();
    assert_eq!((report.verdict(), report.lanes[0].struck), (Verdict::Whole, 1), "{report:?}");
}
