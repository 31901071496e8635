//! A validator's endpoints, cut off.

use std::{ops::Range, time::Duration};

use crate::{proxied::VALIDATORS, shared::with_bridge};

/// One of three endpoints of half of the validators down: signing goes on, as the others vouch. One of three of every
/// validator, or two of three: nothing is signed, as two that lie alike with the honest one cut off look the same to
/// everybody; and signing goes on by itself when they are back. The quorum never shrinks to what is left.
#[test]
fn missing_endpoints_are_borne_while_enough_validators_have_all_of_theirs() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        cut(bridge, 0..VALIDATORS / 2, 0, true);
        let before = bridge.balance(1, 2).await;
        bridge.burst(1, 1, 2, 2).await;
        bridge.audit().await;
        assert_ne!(bridge.balance(1, 2).await, before);

        for also in [0, 1] {
            cut(bridge, 0..VALIDATORS, also, true);
            let before = bridge.balance(1, 2).await;
            bridge.burst(1, 1, 2, 2).await;
            tokio::time::sleep(Duration::from_secs(4)).await;
            assert_eq!(bridge.balance(1, 2).await, before, "nothing is signed on the word of a quorum alone");
        }

        let before = bridge.balance(1, 2).await;
        cut(bridge, 0..VALIDATORS, 0, false);
        cut(bridge, 0..VALIDATORS, 1, false);
        bridge.audit().await;
        assert_ne!(bridge.balance(1, 2).await, before);
    });
}

/// Cuts one endpoint of some validators to the second chain.
fn cut(bridge: &crate::shared::Bridge, validators: Range<usize>, endpoint: usize, cut: bool) {
    for validator in &bridge.devnet.endpoints[validators] {
        validator[1][endpoint].set_cut(cut);
    }
}
