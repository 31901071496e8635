//! Processes that are away, or there twice. Those killed at random moments are in `chaos.rs`.

use std::time::Duration;

use icc_devnet::Role;

use crate::shared::with_bridge;

/// Without a quorum nothing moves; with one again, everything does, by itself.
#[test]
fn two_of_four_validators_down_stop_the_bridge_and_their_return_heals_it() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        for validator in [0, 1] {
            bridge.devnet.process(Role::Validator(validator)).unwrap().kill();
        }
        let before = bridge.balance(0, 2).await;
        bridge.burst(0, 0, 2, 3).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(bridge.balance(0, 2).await, before, "nothing is delivered below the quorum");
        for validator in [0, 1] {
            bridge.devnet.process(Role::Validator(validator)).unwrap().restart().unwrap();
        }
        bridge.audit().await;
        assert_ne!(bridge.balance(0, 2).await, before);
    });
}

/// A second process with the same journal does not start.
#[test]
fn a_second_validator_on_one_journal_does_not_start() {
    with_bridge(async |bridge| {
        let config = bridge.devnet.folder().join("validator-0.toml");
        let output = std::process::Command::new(crate::shared::icc())
            .args(["validator", "--config", config.to_str().unwrap(), "--key-env", "SECOND"])
            .env("SECOND", format!("0x{}", "22".repeat(32)))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("in use by another process"), "{said}");
    });
}
