//! Callers of the database that do not stay for the answer.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use icc_protocol::{ChainId, Checkpoint, CompactSignature, LaneId, ValidatorSet};
use icc_store::{EvidenceRow, Store, StoredAttestation};
use tokio::time::timeout;

use crate::shared::with_bridge;

/// Whoever leaves while a transaction begins does not leave its connection in it: what the next one writes is there for
/// everybody.
#[test]
fn who_leaves_takes_nobodys_writes_along() {
    with_bridge(async |bridge| {
        let url = bridge.devnet.postgres.url();
        let (one, other) = (Store::connect(&url, 1).await.unwrap(), Store::connect(&url, 1).await.unwrap());
        let signer = Address::repeat_byte(0x5e);
        let set = ValidatorSet::new(vec![signer]).unwrap();
        let row = EvidenceRow {
            signer,
            kind: "false_set".to_owned(),
            subject: B256::ZERO,
            chain: ChainId(u64::from(u32::MAX)),
            body: "{}".to_owned(),
            attempts: 0,
            outcome: None,
        };
        assert!(one.add_evidence(&row).await.unwrap());
        let mut left = 0;
        for attempt in 0..400u64 {
            let lane = LaneId(B256::left_padding_from(&attempt.to_be_bytes()));
            let checkpoint = Checkpoint { lane, nonce: 1, accumulator: B256::ZERO };
            let stored = StoredAttestation { checkpoint, signer, signature: CompactSignature([1; 64]) };
            // From before the first answer to after the last.
            let patience = Duration::from_micros(20 * (attempt % 60));
            left += u32::from(timeout(patience, one.add_attestation(&stored, &set)).await.is_err());
            let written = attempt.to_string();
            one.settle_evidence(&row, &written).await.unwrap();
            let seen = other.evidence().await.unwrap();
            let seen = seen.iter().find(|seen| seen.signer == signer).unwrap().outcome.clone();
            assert_eq!(seen, Some(written), "after {attempt} that stayed {patience:?}");
        }
        assert!(left > 20, "only {left} did not stay");
    });
}
