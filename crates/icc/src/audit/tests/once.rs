//! Delivered or refunded exactly once.

use alloy_primitives::{B256, U256};
use icc_chain::Event;
use icc_protocol::{FollowUp, Kind};

use super::world::{AWAY, HOME, World, finds, lane, transfer, whole};
use crate::audit::report::Verdict;

#[test]
fn what_is_whole_is_whole_and_what_is_on_its_way_is_told() {
    let mut world = World::new();
    assert_eq!(world.judge().verdict(), Verdict::Whole, "{:?}", world.judge());
    world.send(AWAY, Kind::Call, &transfer(1, 4));
    world.token(AWAY).supply = U256::from(6);
    let report = world.judge();
    assert_eq!(report.verdict(), Verdict::Unsettled, "{report:?}");
    assert_eq!(report.lanes[1].in_flight, 1);
}

#[test]
fn a_delivery_twice_is_found() {
    let mut world = World::new();
    world.deliver(AWAY, 2, 2);
    finds(&world.judge(), "some twice");
}

#[test]
fn a_gap_is_found() {
    let mut world = World::new();
    world.send(HOME, Kind::Call, b"one");
    world.send(HOME, Kind::Call, b"two");
    world.deliver(AWAY, 4, 4);
    finds(&world.judge(), "messages 3 to 3 were passed over");
}

#[test]
fn what_never_left_is_found() {
    let mut world = World::new();
    world.deliver(AWAY, 3, 3);
    let report = world.judge();
    finds(&report, "from nowhere");
    assert!(report.torn, "the source may lag: to be looked at again");
}

#[test]
fn other_messages_than_those_that_left_are_found() {
    let mut world = World::new();
    world.send(HOME, Kind::Call, b"one");
    let (lane, accumulator) = (world.way_to(AWAY), B256::repeat_byte(7));
    world.event(AWAY, Event::Delivered { lane, from_nonce: 3, to_nonce: 3, accumulator });
    finds(&world.judge(), "is none of the outbox");
}

#[test]
fn an_outbox_or_inbox_that_is_not_what_was_told_is_found() {
    let world = World::new();
    let report = world.judge_with(|chain, answers| {
        if chain == HOME {
            answers.outboxes.values_mut().for_each(|outbox| outbox.nonce += 1);
        }
    });
    finds(&report, "the outbox is at message 3");
    let report = world.judge_with(|chain, answers| {
        if chain == AWAY {
            answers.inboxes.values_mut().for_each(|inbox| *inbox = B256::repeat_byte(1));
        }
    });
    finds(&report, "not the outbox after them");
}

/// A message of ten units from home, recorded where it arrived.
fn recorded() -> World {
    let mut world = World::new();
    world.send(HOME, Kind::Call, &transfer(1, 5));
    world.deliver(AWAY, 3, 3);
    world.record(AWAY, 3);
    world.token(HOME).held.insert(AWAY, 15);
    world.token(HOME).vault = U256::from(15);
    world
}

#[test]
fn a_recorded_message_waits_is_executed_or_comes_back() {
    let mut world = recorded();
    assert_eq!((world.judge().lanes[0].waiting, world.judge().verdict()), (1, Verdict::Unsettled));
    world.expire(AWAY, 3, &transfer(1, 5));
    let report = world.judge();
    whole(&report);
    assert_eq!((report.lanes[0].waiting, report.lanes[0].refunded, report.lanes[1].in_flight), (0, 1, 1));
    world.deliver(HOME, 1, 1);
    world.token(HOME).held.insert(AWAY, 10);
    world.token(HOME).vault = U256::from(10);
    assert_eq!(world.judge().verdict(), Verdict::Whole, "{:?}", world.judge());

    let mut world = recorded();
    world.execute(AWAY, 3);
    world.token(AWAY).supply = U256::from(15);
    assert_eq!(world.judge().verdict(), Verdict::Whole, "{:?}", world.judge());
}

#[test]
fn an_execution_and_a_refund_of_one_message_are_found() {
    let mut world = recorded();
    world.execute(AWAY, 3);
    world.expire(AWAY, 3, &transfer(1, 5));
    finds(&world.judge(), "message 3 was expired, but did not wait any more");
    let mut world = recorded();
    world.expire(AWAY, 3, &transfer(1, 5));
    world.execute(AWAY, 3);
    finds(&world.judge(), "message 3 was executed, but did not wait any more");
}

#[test]
fn an_execution_twice_or_of_nothing_is_found() {
    let mut world = recorded();
    world.execute(AWAY, 3);
    world.execute(AWAY, 3);
    finds(&world.judge(), "did not wait any more");
    let mut world = World::new();
    world.execute(AWAY, 2);
    finds(&world.judge(), "was executed, but not recorded");
}

#[test]
fn a_second_refund_or_one_of_nothing_is_found() {
    let mut world = recorded();
    world.expire(AWAY, 3, &transfer(1, 5));
    let again = [world.id(AWAY, 3).as_slice(), &transfer(1, 5)].concat();
    world.send(AWAY, Kind::Refund, &again);
    finds(&world.judge(), "2 refunds of message");

    let mut world = World::new();
    let of_nothing = [world.id(AWAY, 2).as_slice(), &transfer(1, 10)].concat();
    world.send(AWAY, Kind::Refund, &of_nothing);
    finds(&world.judge(), "1 refunds of message");
}

#[test]
fn an_expired_message_without_its_refund_is_found() {
    let mut world = recorded();
    let (lane, id) = (world.way_to(AWAY), world.id(AWAY, 3));
    let refund_nonce = world.send(AWAY, Kind::Call, b"something else");
    world.event(AWAY, Event::Expired { lane, nonce: 3, id, refund_nonce });
    let report = world.judge();
    finds(&report, "is not its refund");
    finds(&report, "no refund left");
}

#[test]
fn home_passes_on_once() {
    let forward = || {
        let mut world = World::new();
        world.send(AWAY, Kind::Call, &transfer(3, 4));
        world.token(AWAY).supply = U256::from(6);
        world.deliver(HOME, 1, 1);
        world
    };
    finds(&forward().judge(), "led to 0 messages");
    let follow = |world: &mut World, amount| {
        let message_id = world.id(HOME, 1);
        let nonce = world.send(HOME, Kind::Call, &transfer(4, amount));
        let why = FollowUp::Forwarded;
        world.event(HOME, Event::FollowedUp { message_id, why, destination: AWAY, nonce });
    };
    let mut world = forward();
    follow(&mut world, 4);
    whole(&world.judge());
    follow(&mut world, 4);
    finds(&world.judge(), "led to 2 messages");
    let mut world = forward();
    follow(&mut world, 5);
    finds(&world.judge(), "does not carry the same tokens");
}

/// A lane closed with its third and fourth message undelivered, and reopened.
fn reopened() -> (World, B256, B256) {
    let mut world = World::new();
    world.send(HOME, Kind::Call, b"three");
    world.send(HOME, Kind::Call, b"four");
    let old = world.way_to(AWAY);
    let at =
        |world: &World, nonce: usize| world.ledgers[&HOME].outbound[&old].messages[nonce - 1].accumulator;
    let (one, two, four) = (at(&world, 1), at(&world, 2), at(&world, 4));
    world.close();
    world.open();
    assert_eq!(world.judge().lanes.iter().map(|lane| lane.in_flight).sum::<u64>(), 2);
    world.event(HOME, Event::ResendAllowed { lane: lane(HOME, AWAY, 1), from: one });
    world.event(HOME, Event::ResendAllowed { lane: lane(HOME, AWAY, 1), from: two });
    world.resent_to = two;
    (world, one, four)
}

#[test]
fn what_a_closed_lane_did_not_deliver_leaves_again_once() {
    let (mut world, one, four) = reopened();
    whole(&world.judge());
    world.send(HOME, Kind::Call, b"three");
    world.send(HOME, Kind::Call, b"four");
    world.deliver(AWAY, 1, 2);
    world.resent_to = four;
    assert_eq!(world.judge().verdict(), Verdict::Whole, "{:?}", world.judge());

    // From one message too early: the second, which was delivered, leaves again as well.
    world.event(HOME, Event::ResendAllowed { lane: lane(HOME, AWAY, 1), from: one });
    finds(&world.judge(), "messages 2 to 2 were delivered and left again");
}
