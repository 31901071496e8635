//! The database is a view of the chains.

use std::time::Duration;

use icc_devnet::Role;
use icc_store::Store;

use crate::shared::{Bridge, with_bridge};

/// Dropping the database and indexing again gives the same rows, byte for byte, for all final blocks; and the
/// signatures that were lost with it are asked of the validators again.
#[test]
fn an_empty_database_becomes_the_same_again() {
    with_bridge(async |bridge| {
        bridge.burst(0, 0, 1, 5).await;
        bridge.burst(1, 1, 2, 5).await;
        bridge.audit().await;
        let heights = final_heights(bridge).await;
        let before = rows(bridge, &heights).await;
        assert!(before.iter().flatten().any(|row| row.starts_with("message")));

        for role in [Role::Indexer, Role::Core(0), Role::Core(1)] {
            bridge.devnet.process(role).unwrap().kill();
        }
        // Left behind by the cores: signed, but not delivered.
        bridge.burst(0, 0, 2, 5).await;
        bridge.devnet.postgres.recreate().await.unwrap();
        for role in [Role::Indexer, Role::Core(0), Role::Core(1)] {
            bridge.devnet.process(role).unwrap().restart().unwrap();
        }
        bridge.audit().await;
        let after = rows(bridge, &heights).await;
        for (chain, (before, after)) in before.iter().zip(&after).enumerate() {
            assert_eq!(&after[..], &before[..], "chain {chain}");
        }
    });
}

/// The rows of each chain up to a height, once it is indexed and final.
async fn rows(bridge: &Bridge, heights: &[u64]) -> Vec<Vec<String>> {
    let store = Store::connect(&bridge.devnet.postgres.url(), 2).await.unwrap();
    let mut all = Vec::new();
    for (chain, height) in heights.iter().enumerate() {
        loop {
            let cursor = store.cursor(bridge.id(chain)).await.unwrap();
            if cursor.is_some_and(|cursor| cursor.final_number >= *height) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        all.push(store.chain_rows(bridge.id(chain), *height).await.unwrap());
    }
    all
}

/// Heights that are final now.
async fn final_heights(bridge: &Bridge) -> Vec<u64> {
    let mut heights = Vec::new();
    for chain in &bridge.devnet.chains {
        let block = chain.rpc("eth_getBlockByNumber", serde_json::json!(["finalized", false])).await.unwrap();
        let number = block["number"].as_str().unwrap().trim_start_matches("0x");
        heights.push(u64::from_str_radix(number, 16).unwrap());
    }
    heights
}
