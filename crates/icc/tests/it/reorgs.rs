//! Blocks that vanish before they are final.

use std::time::Duration;

use alloy_primitives::U256;

use crate::shared::with_bridge;

/// A deposit whose block is reverted is forgotten, signed by nobody, and delivered only when it is made again.
#[test]
fn a_reverted_deposit_is_unwound_and_the_lane_goes_on() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        for depth in [1, 2, 1] {
            let at_home = bridge.balance(2, 2).await;
            let there = bridge.balance(2, 0).await;
            bridge.deposit(2, 0, 5).await;
            bridge.devnet.chains[2].reorg(depth).await.unwrap();
            let kept = bridge.balance(2, 2).await != at_home;
            // Something must follow on the new fork, or there would be nothing to resume with.
            bridge.deposit(2, 0, 7).await;
            bridge.audit().await;
            let arrived = bridge.balance(2, 0).await - there;
            let expected = if kept { U256::from(12) } else { at_home - bridge.balance(2, 2).await };
            assert_eq!(arrived, expected, "what left is what arrived");
        }
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
