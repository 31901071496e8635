//! A chain whose gateway and token bridge were replaced by code that emits whatever an attacker wants.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, LogData, U256};
use alloy_sol_types::SolEvent;
use icc_chain_evm::bindings::{Gateway, TokenBridge};
use icc_devnet::Role;
use icc_protocol::{ChainId, Kind, Message};
use icc_store::Store;
use icc_testkit::{chaos, emitter};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    proxied::lane,
    shared::{Bridge, PATIENCE, options, with_own_bridge},
};

const HOSTILE: usize = 2;
const ATTACKER: Address = Address::repeat_byte(0xf1);
/// Events of one transaction.
const EVENTS: usize = 250;
/// What a process may grow by meanwhile: rows in flight, pools, caches that fill.
const GROWTH_BYTES: u64 = 96 << 20;

/// What the attacker knows: every chain and lane.
struct Known {
    chains: Vec<ChainId>,
    lanes: Vec<B256>,
    gateways: Vec<B256>,
}

impl Known {
    async fn of(bridge: &Bridge) -> Self {
        let mut lanes = Vec::new();
        for (from, to) in [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)] {
            lanes.push(lane(bridge, from, to).await.0);
        }
        Self {
            chains: (0..3).map(|chain| bridge.id(chain)).collect(),
            lanes,
            gateways: bridge.devnet.configs.iter().map(|config| config.gateway.into_word()).collect(),
        }
    }

    /// An event of ours with fields that mean something, or none.
    fn event(&self, random: &mut StdRng) -> LogData {
        let lane = self.lanes[random.random_range(0..self.lanes.len())];
        let other = self.lanes[random.random_range(0..self.lanes.len())];
        let chain = self.chains[random.random_range(0..3)].0;
        let generation = random.random_range(0..4);
        let gateway = self.gateways[random.random_range(0..3)];
        let nonce = [1, 2, 7, 1_000_000_000_000, u64::MAX][random.random_range(0..5)];
        let id = B256::from(random.random::<[u8; 32]>());
        match random.random_range(0..12) {
            0 => Gateway::Delivered { lane, fromNonce: 1, toNonce: nonce, accumulator: id }.encode_log_data(),
            1 => Gateway::LaneOpened { chain, generation, gateway, outboundLane: lane, inboundLane: other }
                .encode_log_data(),
            2 => Gateway::Sent { destinationChain: chain, generation, message: message(nonce) }
                .encode_log_data(),
            3 => Gateway::Executed { lane, nonce, id }.encode_log_data(),
            4 => Gateway::Expired { lane, nonce, id, refundNonce: nonce }.encode_log_data(),
            5 => Gateway::Struck { id: lane }.encode_log_data(),
            6 => Gateway::FeePaid { chain, generation, nonce, amount: U256::MAX }.encode_log_data(),
            7 => {
                TokenBridge::QueueReleased { tokenId: lane, index: nonce, claimable: true }.encode_log_data()
            }
            8 => TokenBridge::Returned { tokenId: lane, id: other, toChain: chain, nonce }.encode_log_data(),
            9 => Gateway::ResendAllowed { lane, from: id }.encode_log_data(),
            10 => emitter::noise(
                &[Gateway::Delivered::SIGNATURE_HASH, lane],
                &id.0[..random.random_range(0..32)],
            ),
            _ => emitter::noise(&[Gateway::Sent::SIGNATURE_HASH, id, lane, id], &[random.random(); 192]),
        }
    }
}

fn message(nonce: u64) -> Bytes {
    let message = Message {
        kind: Kind::Call,
        nonce,
        deadline: 0,
        gas_limit: 1,
        sender: B256::ZERO,
        recipient: B256::repeat_byte(7),
        payload: Bytes::from_static(b"never sent"),
    };
    message.encode().into()
}

/// Events of one number of topics, in one transaction of each contract.
async fn emit(bridge: &Bridge, known: &Known, random: &mut StdRng) {
    let node = &bridge.devnet.chains[HOSTILE];
    let contracts = [bridge.devnet.contracts[HOSTILE].gateway, bridge.devnet.contracts[HOSTILE].token_bridge];
    let drawn: Vec<LogData> = (0..EVENTS).map(|_| known.event(random)).collect();
    for topics in 1..=4u8 {
        let records = drawn.iter().filter(|event| event.topics().len() == usize::from(topics));
        let data: Vec<u8> = records.filter_map(emitter::record).flatten().collect();
        if data.is_empty() {
            continue;
        }
        for contract in contracts {
            node.rpc("anvil_setCode", json!([contract, emitter::code(topics)])).await.unwrap();
            let call = json!({"from": ATTACKER, "to": contract, "data": Bytes::from(data.clone()), "gas": "0xf00000"});
            // A full pool takes no more for a moment.
            let _full = node.rpc("eth_sendTransaction", json!([call])).await;
        }
        // Mined with this code.
        sleep(Duration::from_millis(250)).await;
    }
}

async fn final_height(bridge: &Bridge, chain: usize) -> u64 {
    let block = json!(["finalized", false]);
    let block = bridge.devnet.chains[chain].rpc("eth_getBlockByNumber", block).await.unwrap();
    u64::from_str_radix(block["number"].as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

/// The rows of the two honest chains up to a height, once it is indexed and final.
async fn rows(store: &Store, bridge: &Bridge, heights: [u64; 2]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (chain, height) in heights.into_iter().enumerate() {
        let began = Instant::now();
        while store.cursor(bridge.id(chain)).await.unwrap().is_none_or(|cursor| cursor.final_number < height)
        {
            assert!(began.elapsed() < PATIENCE, "chain {chain} is not indexed up to {height}");
            sleep(Duration::from_millis(100)).await;
        }
        all.push(store.chain_rows(bridge.id(chain), height).await.unwrap());
    }
    all
}

/// Attack: thousands of events of all kinds, about the attacker's lanes and those of others, while transfers flow between
/// the other two chains. These arrive, their tables are what they are without the hostile chain, and nothing grows; the
/// hostile chain's indexer halts with a reason, or goes on. `HOSTILE_SECONDS` tells for how long (`make deep`).
#[test]
fn a_hostile_chain_changes_nothing_of_lanes_that_are_not_its_own() {
    let seconds = std::env::var("HOSTILE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    with_own_bridge(&options(), async |bridge| {
        bridge.burst(0, 0, 1, 5).await;
        bridge.burst(1, 1, 0, 5).await;
        bridge.audit().await;
        let known = Known::of(bridge).await;
        let node = &bridge.devnet.chains[HOSTILE];
        node.rpc("anvil_impersonateAccount", json!([ATTACKER])).await.unwrap();
        node.rpc("anvil_setBalance", json!([ATTACKER, "0xffffffffffffffffffff"])).await.unwrap();
        let processes = [Role::Indexer, Role::Core(0), Role::Core(1)];
        let mut before = Vec::new();
        for role in processes {
            before.push(chaos::resident_bytes(bridge.devnet.process(role).unwrap().id().unwrap()).unwrap());
        }

        let mut random = StdRng::seed_from_u64(14);
        let (began, mut slowest) = (Instant::now(), Duration::ZERO);
        while began.elapsed() < Duration::from_secs(seconds) {
            emit(bridge, &known, &mut random).await;
            let sent = Instant::now();
            let transactions = [bridge.deposit(0, 1, 3).await, bridge.deposit(1, 0, 2).await];
            for transaction in transactions {
                bridge.arrived(transaction).await;
            }
            slowest = slowest.max(sent.elapsed());
        }
        eprintln!("slowest transfer beside a hostile chain: {slowest:?}");
        assert!(slowest < Duration::from_secs(20), "a transfer took {slowest:?}");

        for (role, before) in processes.into_iter().zip(before) {
            let now = chaos::resident_bytes(bridge.devnet.process(role).unwrap().id().unwrap()).unwrap();
            assert!(now < before + GROWTH_BYTES, "{role:?} has grown from {before} to {now} bytes");
        }
        let store = Store::connect(&bridge.devnet.postgres.url(), 2).await.unwrap();
        let (honest, hostile) = ([bridge.id(0), bridge.id(1)], bridge.id(HOSTILE));
        assert_eq!(store.halted(honest).await.unwrap(), None);
        let logs = json!([{"address": bridge.devnet.contracts[HOSTILE].gateway, "fromBlock": "earliest"}]);
        let logs = bridge.devnet.chains[HOSTILE].rpc("eth_getLogs", logs).await.unwrap();
        let emitted = logs.as_array().unwrap().len();
        assert!(emitted > 4 * EVENTS, "the attack did not happen: {emitted} events");
        let reason = store.halted([hostile, hostile]).await.unwrap();
        eprintln!("the hostile chain, after {emitted} events: {reason:?}");
        let followed = store.cursor(hostile).await.unwrap().unwrap();
        let head = final_height(bridge, HOSTILE).await;
        assert!(
            reason.is_some() || followed.number >= head,
            "neither halted nor followed: {followed:?} of {head}"
        );
        let mut heights = [0, 0];
        for (chain, height) in heights.iter_mut().enumerate() {
            *height = store.cursor(bridge.id(chain)).await.unwrap().unwrap().final_number;
        }
        let beside = rows(&store, bridge, heights).await;
        drop(store);

        // The same two chains indexed anew, and no third.
        for role in processes {
            bridge.devnet.process(role).unwrap().kill();
        }
        drop(bridge.devnet.chains.pop());
        bridge.devnet.postgres.recreate().await.unwrap();
        bridge.devnet.process(Role::Indexer).unwrap().restart().unwrap();
        let store = loop {
            if let Ok(store) = Store::connect(&bridge.devnet.postgres.url(), 2).await {
                break store;
            }
            sleep(Duration::from_millis(200)).await;
        };
        let alone = rows(&store, bridge, heights).await;
        for (chain, (beside, alone)) in beside.iter().zip(&alone).enumerate() {
            assert_eq!(&beside[..], &alone[..], "chain {chain}");
        }
    });
}
