//! Proxies between validators and a chain, and what validators say of their endpoints.

use std::{fs, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use icc_chain_evm::{
    Account, BridgeUser, EvmChain, TokenDeposit,
    bindings::{Gateway, IGateway, TokenBridge},
};
use icc_devnet::{Anvil, Role};
use icc_testkit::{Liar, Proxy};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::shared::{Bridge, PATIENCE};

pub const VALIDATORS: usize = 4;
pub const ENDPOINTS: usize = 3;

/// A proxy before every endpoint of every validator to one chain; honest until told otherwise.
pub struct Proxied {
    chain: usize,
    /// By validator and endpoint.
    proxies: Vec<Vec<Proxy>>,
}

impl Proxied {
    pub async fn before(bridge: &Bridge, chain: usize) -> Self {
        let mut proxies = Vec::new();
        for validator in &bridge.devnet.endpoints {
            let mut own = Vec::new();
            for endpoint in &validator[chain] {
                let proxy = Proxy::start(bridge.devnet.chains[chain].url()).await.unwrap();
                endpoint.lead_to(proxy.port());
                own.push(proxy);
            }
            proxies.push(own);
        }
        Self { chain, proxies }
    }

    /// Lets the endpoints lead to the chain again.
    pub fn remove(self, bridge: &Bridge) {
        for validator in &bridge.devnet.endpoints {
            for endpoint in &validator[self.chain] {
                endpoint.lead_home();
            }
        }
    }

    pub fn set(&self, validator: usize, endpoint: usize, liar: Arc<dyn Liar>) {
        self.proxies[validator][endpoint].set_liar(liar);
    }

    pub fn heal(&self) {
        self.proxies.iter().flatten().for_each(Proxy::heal);
    }

    /// Of each of these validators, the endpoint that it asks a method of: there, a liar is heard. Messages are sent
    /// meanwhile: of a lane on which nothing is sent, nobody asks for events.
    pub async fn preferred(&self, bridge: &Bridge, method: &str, validators: &[usize]) -> Vec<usize> {
        let counts = || -> Vec<Vec<u64>> {
            let own = validators.iter().map(|validator| &self.proxies[*validator]);
            own.map(|own| own.iter().map(|proxy| proxy.asked(method)).collect()).collect()
        };
        let (before, began) = (counts(), Instant::now());
        loop {
            deposits(bridge, self.chain, (self.chain + 1) % 3, &[1]).await;
            sleep(Duration::from_millis(500)).await;
            let now = counts();
            let most = now.iter().zip(&before).map(|(now, before)| {
                let asked = now.iter().zip(before).map(|(now, before)| now - before);
                asked.enumerate().max_by_key(|(_, times)| *times).unwrap()
            });
            let most: Vec<(usize, u64)> = most.collect();
            if most.iter().all(|(_, times)| *times >= 2) {
                return most.into_iter().map(|(endpoint, _)| endpoint).collect();
            }
            assert!(began.elapsed() < PATIENCE, "a validator asks nobody for {method}: {most:?}");
        }
    }

    pub fn lies(&self, validator: usize, endpoint: usize) -> u64 {
        self.proxies[validator][endpoint].lies()
    }

    /// The name that a validator knows an endpoint by.
    pub fn name(&self, bridge: &Bridge, validator: usize, endpoint: usize) -> String {
        let url = bridge.devnet.endpoints[validator][self.chain][endpoint].url();
        format!("127.0.0.1:{}", url.port().unwrap())
    }
}

/// Asks again until it is so.
pub async fn eventually(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < PATIENCE, "not after {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(250)).await;
    }
}

/// The sum of a validator's metrics of a name with all of these labels, `name="value"` each.
pub async fn metric(bridge: &Bridge, validator: usize, name: &str, labels: &[String]) -> f64 {
    let url = bridge.devnet.validator_urls[validator].join("metrics").unwrap();
    let text = get(&url).await;
    let lines = text.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    });
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

async fn get(url: &url::Url) -> String {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build().unwrap();
    client.get(url.clone()).send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
}

/// A validator's log.
pub fn log(bridge: &mut Bridge, validator: usize) -> String {
    let path = bridge.devnet.process(Role::Validator(validator)).unwrap().log().to_owned();
    fs::read_to_string(path).unwrap()
}

/// How long each validator's log is.
pub fn log_lengths(bridge: &mut Bridge) -> Vec<usize> {
    (0..VALIDATORS).map(|validator| log(bridge, validator).len()).collect()
}

/// The open lane from a chain to another, and the last nonce that was sent on it.
pub async fn lane(bridge: &Bridge, from: usize, to: usize) -> (B256, u64) {
    sent_on(&bridge.account(from), bridge, from, to).await
}

/// The same, as another node of the source chain has it.
pub async fn sent_on(source: &Account, bridge: &Bridge, from: usize, to: usize) -> (B256, u64) {
    let gateway = bridge.devnet.configs[from].gateway;
    let chain = bridge.id(to).0;
    let outbox = source.view(gateway, Gateway::outboxCall { chain }).await.unwrap();
    let remote = bridge.devnet.configs[to].gateway.into_word();
    let remote = IGateway::Remote { chain, generation: outbox.generation, gateway: remote };
    (source.view(gateway, Gateway::laneToCall { remote }).await.unwrap(), outbox.nonce)
}

/// What a validator has signed of a lane from a nonce on: nonces and accumulators.
pub async fn signed(bridge: &Bridge, validator: usize, lane: B256, from: u64) -> Vec<(u64, String)> {
    let path = format!("v1/attestations/{lane}?from={from}");
    let url = bridge.devnet.validator_urls[validator].join(&path).unwrap();
    let answer: Value = serde_json::from_str(&get(&url).await).unwrap();
    let all = answer["attestations"].as_array().unwrap().iter();
    all.map(|one| (one["nonce"].as_u64().unwrap(), one["accumulator"].as_str().unwrap().to_owned())).collect()
}

/// Deposits of a chain's home token, one for each amount, all different messages; waits until the last is in a block.
pub async fn deposits(bridge: &Bridge, from: usize, to: usize, amounts: &[u64]) {
    let account = bridge.account(from);
    let sent = submit_deposits(bridge, &account, from, to, amounts).await;
    account.wait(*sent.last().unwrap()).await.unwrap();
}

/// The same, without waiting for a block.
pub async fn submit_deposits(
    bridge: &Bridge,
    account: &Account,
    from: usize,
    to: usize,
    amounts: &[u64],
) -> Vec<B256> {
    let me = account.address().into_word();
    let call = |amount: &u64| -> Bytes {
        let call = TokenBridge::depositCall {
            token: bridge.tokens[from],
            amount: U256::from(*amount),
            destinationChain: bridge.id(to).0,
            to: me,
            refundTo: me,
            deadline: 0,
        };
        call.abi_encode().into()
    };
    let calls: Vec<Bytes> = amounts.iter().map(call).collect();
    account.burst(bridge.devnet.contracts[from].token_bridge, &calls).await.unwrap()
}

/// The user on a fork of a chain.
pub fn on_fork(bridge: &Bridge, chain: usize, fork: &Anvil) -> Account {
    let config = EvmChain { endpoints: vec![fork.url()], ..bridge.devnet.configs[chain].clone() };
    Account::new(config, bridge.devnet.user.clone()).unwrap()
}

/// A deposit that a fork has and the chain has not; returns once it is in a block of the fork.
pub async fn deposit_on_fork(bridge: &Bridge, fork: &Account, from: usize, to: usize, amount: u64) {
    let user = BridgeUser { account: fork, token_bridge: bridge.devnet.contracts[from].token_bridge };
    let recipient: Address = fork.address();
    let deposit = TokenDeposit::new(bridge.tokens[from], U256::from(amount), bridge.id(to), recipient);
    let fee = user.quote(&deposit).await.unwrap();
    user.deposit(&deposit, fee).await.unwrap();
}
