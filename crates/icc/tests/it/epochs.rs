//! Epochs where not all chains are there to see them: a gateway sleeps, the hub stops.

use std::time::Duration;

use alloy_primitives::{Address, U256};
use icc_chain::Hub;
use icc_chain_evm::{EvmHub, bindings::Gateway};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    proxied::eventually,
    shared::{Bridge, PATIENCE, options, with_own_bridge},
    validators::held,
};

const HUB: usize = 0;
const BETA: usize = 1;
const GAMMA: usize = 2;
const DAY: u64 = 86_400;

fn hub(bridge: &Bridge) -> EvmHub {
    EvmHub::new(&bridge.devnet.configs[HUB]).unwrap()
}

async fn held_epoch(bridge: &Bridge, chain: usize) -> u64 {
    let gateway = bridge.devnet.configs[chain].gateway;
    bridge.account(chain).view(gateway, Gateway::validatorSetCall {}).await.unwrap().epoch
}

/// Ten register at once, of a set of four, while a gateway sleeps. Each epoch lets in less than a third (of less than four:
/// one); transfers between the gateways that are awake never stop; the sleeper catches up epoch by epoch, and delivers
/// what has waited.
#[test]
fn ten_join_at_once_and_a_gateway_that_slept_through_it_catches_up() {
    with_own_bridge(&options(), async |bridge| {
        bridge.devnet.chains[GAMMA].stop_blocks().await.unwrap();
        let slept_at = held_epoch(bridge, GAMMA).await;
        let waits = bridge.deposit(HUB, GAMMA, 7).await;
        let mut newcomers: Vec<Address> = Vec::new();
        for _ in 0..10 {
            let number = bridge.devnet.add_validator().await.unwrap();
            newcomers.push(bridge.devnet.validator_keys[number].address());
        }
        let began = Instant::now();
        let all_in = |set: &[Address]| newcomers.iter().all(|newcomer| set.contains(newcomer));
        while !(all_in(&held(bridge, HUB).await) && all_in(&held(bridge, BETA).await)) {
            assert!(began.elapsed() < PATIENCE, "all ten are in");
            for (from, to) in [(HUB, BETA), (BETA, HUB)] {
                bridge.arrived(bridge.deposit(from, to, 1).await).await;
            }
        }
        let newest = hub(bridge).progress().await.unwrap().signed;
        assert_eq!(held_epoch(bridge, GAMMA).await, slept_at, "it sleeps");
        assert!(newest >= slept_at + 5, "it slept through {slept_at} to {newest}");

        bridge.devnet.chains[GAMMA].start_blocks().await.unwrap();
        eventually("the sleeper has caught up", async || all_in(&held(bridge, GAMMA).await)).await;
        bridge.arrived(waits).await;
        let mut before = hub(bridge).epoch(slept_at).await.unwrap();
        for epoch in slept_at + 1..=newest {
            let next = hub(bridge).epoch(epoch).await.unwrap();
            let (old, new) = (before.set.members(), next.set.members());
            let joined = new.iter().filter(|member| !old.contains(member)).count();
            let left = old.iter().filter(|member| !new.contains(member)).count();
            let most = if old.len() < 4 { 1 } else { (old.len() - 1) / 3 };
            assert!(joined + left <= most, "epoch {epoch}: {joined} came, {left} went, of {}", old.len());
            before = next;
        }
        bridge.audit().await;
    });
}

/// What a transfer without a fee takes: nothing is quoted while clocks jump.
async fn crosses(bridge: &Bridge, from: usize, to: usize) {
    let before = bridge.balance(from, to).await;
    bridge.burst(from, from, to, 1).await;
    let what = format!("a transfer from {from} to {to} arrives");
    eventually(&what, async || bridge.balance(from, to).await == before + U256::from(1)).await;
}

async fn jump(bridge: &Bridge, chain: usize, days: u64) {
    bridge.devnet.chains[chain].rpc("evm_increaseTime", json!([days * DAY])).await.unwrap();
}

/// Without the hub for a day, all else goes on. After eight days sets are too old, and nothing is delivered; when the hub
/// is back, the set is renewed by itself, and what has waited arrives.
#[test]
fn the_hub_stops_for_a_day_and_for_eight() {
    with_own_bridge(&options(), async |bridge| {
        for days in [1, 8] {
            let epoch = held_epoch(bridge, GAMMA).await;
            bridge.devnet.chains[HUB].stop_blocks().await.unwrap();
            for chain in [BETA, GAMMA] {
                jump(bridge, chain, days).await;
            }
            if days == 1 {
                crosses(bridge, BETA, GAMMA).await;
                crosses(bridge, GAMMA, BETA).await;
            } else {
                let before = bridge.balance(BETA, GAMMA).await;
                bridge.burst(BETA, BETA, GAMMA, 1).await;
                sleep(Duration::from_secs(10)).await;
                assert_eq!(bridge.balance(BETA, GAMMA).await, before, "nothing by a set of eight days ago");
                assert_eq!(held_epoch(bridge, GAMMA).await, epoch);
            }
            jump(bridge, HUB, days).await;
            bridge.devnet.chains[HUB].start_blocks().await.unwrap();
            for (from, to) in [(HUB, BETA), (GAMMA, HUB), (BETA, GAMMA)] {
                crosses(bridge, from, to).await;
            }
            if days == 8 {
                assert!(held_epoch(bridge, GAMMA).await > epoch, "the set was renewed");
            }
        }
        bridge.audit().await;
    });
}
