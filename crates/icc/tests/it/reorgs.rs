//! Blocks that vanish before they are final, at every step of a message's way. The faults are the testkit's; `make
//! chaos` repeats them under load.

use std::time::Duration;

use alloy_primitives::U256;
use icc_devnet::Role;
use icc_testkit::{
    reorgs::{self, DEEPEST},
    scene::Scene,
};

use crate::shared::{Bridge, with_bridge};

/// From the third chain to the first.
fn scene(bridge: &Bridge) -> Scene<'_> {
    Scene { devnet: &bridge.devnet, from: 2, to: 0, token: bridge.tokens[2] }
}

/// A deposit whose block is reverted is forgotten, signed by nobody, and delivered only when it is made again.
#[test]
fn a_reverted_deposit_is_unwound_and_the_lane_goes_on() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        for depth in [1, DEEPEST, 1] {
            let (at_home, there) = (bridge.balance(2, 2).await, bridge.balance(2, 0).await);
            reorgs::while_sending(&scene(bridge), depth).await.unwrap();
            bridge.audit().await;
            let (left, arrived) = (at_home - bridge.balance(2, 2).await, bridge.balance(2, 0).await - there);
            assert!(arrived >= U256::from(1) && arrived == left, "{left} left, {arrived} arrived");
        }
    });
}

/// The source loses blocks while signatures are missing.
#[test]
fn a_reorg_between_the_first_signature_and_the_quorum_changes_nothing() {
    with_bridge(async |bridge| {
        for validator in [0, 1] {
            bridge.devnet.process(Role::Validator(validator)).unwrap().kill();
        }
        let sent = scene(bridge).send(3).await.unwrap();
        reorgs::while_signing(&scene(bridge), sent).await.unwrap();
        for validator in [0, 1] {
            bridge.devnet.process(Role::Validator(validator)).unwrap().restart().unwrap();
        }
        scene(bridge).arrives(sent).await.unwrap();
        bridge.audit().await;
    });
}

#[test]
fn a_delivery_that_vanishes_is_made_again() {
    with_bridge(async |bridge| {
        for depth in [1, DEEPEST] {
            reorgs::while_delivering(&scene(bridge), depth).await.unwrap();
            bridge.audit().await;
        }
    });
}

#[test]
fn a_refund_that_vanishes_is_made_again_and_once() {
    with_bridge(async |bridge| {
        let before = bridge.balance(2, 2).await;
        reorgs::while_expiring(&scene(bridge)).await.unwrap();
        bridge.audit().await;
        assert_eq!(bridge.balance(2, 2).await, before);
    });
}

#[test]
fn a_rotation_that_vanishes_leaves_the_old_set_in_office() {
    with_bridge(async |bridge| {
        reorgs::while_rotating(&scene(bridge)).await.unwrap();
        bridge.audit().await;
    });
}

/// Reorgs of source and destination while transfers flow.
#[test]
fn reorgs_under_load_change_nothing_in_the_end() {
    with_bridge(async |bridge| {
        for round in 0..4u64 {
            bridge.burst(0, 0, 1, 8).await;
            bridge.burst(1, 1, 0, 8).await;
            tokio::time::sleep(Duration::from_millis(200 + 350 * round)).await;
            bridge.devnet.chains[(round % 2) as usize].reorg(1).await.unwrap();
        }
        bridge.audit().await;
    });
}

/// Many reorgs of a destination under deliveries: after each, the lanes are even again soon.
#[test]
fn no_reorg_of_a_destination_leaves_a_relay_waiting() {
    with_bridge(async |bridge| {
        let longest = reorgs::storm(&scene(bridge), 6).await.unwrap();
        assert!(longest < Duration::from_secs(30), "a lane stood still for {longest:?}");
        bridge.audit().await;
    });
}
