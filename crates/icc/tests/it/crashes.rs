//! Processes killed at random moments, as by a power cut.

use std::time::Duration;

use icc_devnet::Role;

use crate::shared::with_bridge;

/// A fixed sequence that looks random: a failure can be run again.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self, below: u64) -> u64 {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[test]
fn kill_9_of_any_process_loses_nothing_and_repeats_nothing() {
    with_bridge(async |bridge| {
        let mut sequence = Sequence(0x1CC);
        let roles = [
            Role::Core(0),
            Role::Validator(0),
            Role::Indexer,
            Role::Core(1),
            Role::Validator(2),
            Role::Core(0),
            Role::Indexer,
            Role::Validator(3),
            Role::Core(1),
        ];
        for role in roles {
            let from = sequence.next(3) as usize;
            let to = (from + 1 + sequence.next(2) as usize) % 3;
            bridge.burst(from, from, to, 6).await;
            tokio::time::sleep(Duration::from_millis(sequence.next(1500))).await;
            let process = bridge.devnet.process(role).unwrap();
            process.kill();
            tokio::time::sleep(Duration::from_millis(sequence.next(700))).await;
            bridge.devnet.process(role).unwrap().restart().unwrap();
        }
        bridge.audit().await;
    });
}

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
