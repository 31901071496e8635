//! A validator's endpoints, cut off.

use std::time::Duration;

use crate::shared::with_bridge;

/// One of three endpoints of every validator down: signing goes on. Two of three: nothing is signed, and signing goes
/// on by itself when they are back. The quorum never shrinks to what is left.
#[test]
fn one_missing_endpoint_is_borne_two_are_an_abstention() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        cut(bridge, 0, true);
        let before = bridge.balance(1, 2).await;
        bridge.burst(1, 1, 2, 2).await;
        bridge.audit().await;
        assert_ne!(bridge.balance(1, 2).await, before);

        cut(bridge, 1, true);
        let before = bridge.balance(1, 2).await;
        bridge.burst(1, 1, 2, 2).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(bridge.balance(1, 2).await, before, "nothing is signed on the word of one endpoint");

        cut(bridge, 0, false);
        cut(bridge, 1, false);
        bridge.audit().await;
        assert_ne!(bridge.balance(1, 2).await, before);
    });
}

/// Cuts one endpoint of every validator to the second chain.
fn cut(bridge: &crate::shared::Bridge, endpoint: usize, cut: bool) {
    for validator in &bridge.devnet.endpoints {
        validator[1][endpoint].set_cut(cut);
    }
}
