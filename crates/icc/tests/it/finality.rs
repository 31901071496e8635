//! A chain that takes back what was final.

use std::time::Duration;

use alloy_primitives::B256;
use icc_attest::AttestationBatch;
use icc_testkit::scene::{Scene, until};
use serde_json::json;

use crate::{
    cli::{run, said},
    money::{icc, result},
    shared::{Bridge, options, with_own_bridge},
};

const GAMMA: usize = 2;

async fn height(bridge: &Bridge, chain: usize) -> u64 {
    let number = bridge.devnet.chains[chain].rpc("eth_blockNumber", json!([])).await.unwrap();
    u64::from_str_radix(number.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

/// Takes back a transaction's block and all after it.
async fn revert(bridge: &Bridge, chain: usize, transaction: B256) {
    let receipt = bridge.devnet.chains[chain].rpc("eth_getTransactionReceipt", json!([transaction])).await;
    let block = receipt.unwrap()["blockNumber"].as_str().unwrap().trim_start_matches("0x").to_owned();
    let block = u64::from_str_radix(&block, 16).unwrap();
    // Final with two blocks on it; a delivery can be as quick as that, so wait until it is so beyond doubt.
    let depth = until("blocks on it", async || {
        let depth = height(bridge, chain).await - block + 1;
        Ok((depth > 4).then_some(depth))
    });
    bridge.devnet.chains[chain].reorg(depth.await.unwrap()).await.unwrap();
}

/// What the validators serve of a lane: (nonce, accumulator) of each signature.
async fn signed(bridge: &Bridge, lane: &str) -> Vec<(u64, B256)> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut all = Vec::new();
    for validator in &bridge.devnet.validator_urls {
        let url = validator.join(&format!("v1/attestations/{lane}")).unwrap();
        let batch: AttestationBatch = client.get(url).send().await.unwrap().json().await.unwrap();
        all.extend(batch.attestations.iter().map(|one| (one.nonce, one.accumulator)));
    }
    all
}

/// The chain's lanes stop, say so, sign nothing; `icc lane reconcile` explains; other lanes go on. A chain that takes
/// back final blocks in which there was nothing of the bridge's is followed on.
#[test]
fn past_finality_a_lane_stops_says_so_and_signs_nothing() {
    let mut options = options();
    (options.validators, options.cores) = (2, 1);
    with_own_bridge(&options, async |bridge| {
        bridge.audit().await;
        // Nothing of ours in the last blocks of the second chain.
        let quiet = height(bridge, 1).await;
        while height(bridge, 1).await < quiet + 10 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bridge.devnet.chains[1].reorg(7).await.unwrap();
        bridge.arrived(bridge.deposit(1, 0, 3).await).await;
        bridge.arrived(bridge.deposit(0, 1, 3).await).await;
        bridge.audit().await;

        let delivered = bridge.deposit(GAMMA, 0, 5).await;
        bridge.arrived(delivered).await;
        let scene = Scene { devnet: &bridge.devnet, from: GAMMA, to: 0, token: bridge.tokens[GAMMA] };
        let lane = scene.messages(delivered).await.unwrap()[0].lane.clone();
        let before = (scene.inbox().await.unwrap(), signed(bridge, &lane).await);
        revert(bridge, GAMMA, delivered).await;
        until("the core to say so", async || {
            let chains = bridge.core().chains().await?;
            let told = chains.iter().filter_map(|chain| chain.halted.clone()).collect::<Vec<_>>();
            Ok((told.len() == 1 && told[0].contains("which was final")).then_some(()))
        })
        .await
        .unwrap();

        // Another message takes the nonce of the one that vanished; and something comes the other way.
        let usurper = bridge.deposit(GAMMA, 0, 7).await;
        let there = bridge.deposit(0, GAMMA, 4).await;
        scene.is_told(there, "which was final").await.unwrap();
        bridge.arrived(bridge.deposit(0, 1, 1).await).await;
        let after = (scene.inbox().await.unwrap(), signed(bridge, &lane).await);
        assert_eq!(after, before, "nothing is delivered or signed");
        let (core, usurper) = (bridge.devnet.core_urls[0].to_string(), usurper.to_string());
        let status = tokio::task::spawn_blocking(move || run(&["status", &usurper, "--core", &core])).await;
        let text = String::from_utf8(status.unwrap().stdout).unwrap();
        assert!(text.contains("which was final"), "{text}");
        let reconcile = ["lane", "reconcile", "--from", "gamma", "--to", "alpha"];
        let report = icc(bridge, None, &reconcile).await;
        assert!(!report.status.success(), "{}", said(&report));
        let report = result(&report);
        assert!(report["contradictions"][0].as_str().unwrap().contains("reverted its finality"), "{report}");

        index_anew(bridge, &lane).await;
    });
}

/// With a view of the chains as they are now, the lane still does not move, and it is said why.
async fn index_anew(bridge: &mut Bridge, lane: &str) {
    use icc_devnet::Role;
    for role in [Role::Indexer, Role::Core(0)] {
        bridge.devnet.process(role).unwrap().kill();
    }
    bridge.devnet.postgres.recreate().await.unwrap();
    for role in [Role::Indexer, Role::Core(0)] {
        bridge.devnet.process(role).unwrap().restart().unwrap();
    }
    let store = icc_store::Store::connect(&bridge.devnet.postgres.url(), 1).await.unwrap();
    let lane = lane.parse().unwrap();
    until("the relay to see that the ends contradict each other", async || {
        let last = store.delivered_nonce(lane).await?;
        let status = store.message_status(lane, last.max(1)).await?;
        let note = status.and_then(|status| status.relay_note).unwrap_or_default();
        Ok(note.contains("reconciled by hand").then_some(()))
    })
    .await
    .unwrap();
}
