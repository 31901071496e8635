//! Validators come, lie and go, while transfers flow.

use std::{fs, time::Duration};

use alloy_primitives::{Address, B256, U256, hex};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolEvent;
use icc_chain::{Hub, Registration, Standing};
use icc_chain_evm::{
    EvmHub,
    bindings::{Gateway, ValidatorRegistry},
};
use icc_devnet::{BOND, Role};
use icc_testkit::traitors::{
    FalseSets, Traitor, altered, deliver_forged, equivocate, equivocation, forge, rotate_falsely,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    cli::{run, said},
    proxied::eventually,
    shared::{Bridge, PATIENCE, options, with_own_bridge},
};

const VALIDATORS: usize = 10;

/// What the registry says of a validator.
async fn registration(bridge: &Bridge, key: Address) -> Registration {
    EvmHub::new(&bridge.devnet.configs[0]).unwrap().registration(key).await.unwrap()
}

/// Addresses of a set, by a gateway.
pub async fn held(bridge: &Bridge, chain: usize) -> Vec<Address> {
    let gateway = bridge.devnet.configs[chain].gateway;
    let held = bridge.account(chain).view(gateway, Gateway::validatorSetCall {}).await.unwrap();
    held.set.chunks(20).map(Address::from_slice).collect()
}

/// Sends a transfer on each of three lanes, and again, until all gateways hold sets of which `wanted` is true. Transfers
/// never stop meanwhile: each round's arrive.
async fn until_sets(bridge: &Bridge, what: &str, wanted: impl Fn(&[Address]) -> bool) {
    let began = Instant::now();
    loop {
        let mut sent = Vec::new();
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            sent.push(bridge.deposit(from, to, 1).await);
        }
        for transaction in sent {
            bridge.arrived(transaction).await;
        }
        let mut all = true;
        for chain in 0..3 {
            all &= wanted(&held(bridge, chain).await);
        }
        if all {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "not after {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(500)).await;
    }
}

/// Another registers in the place of one; until that is out, the other in, and nobody else has come or gone.
async fn replaced(bridge: &mut Bridge, out: Address, what: &str) {
    let new = bridge.devnet.add_validator().await.unwrap();
    let new = bridge.devnet.validator_keys[new].address();
    let wanted = |set: &[Address]| set.len() == VALIDATORS + 1 && !set.contains(&out) && set.contains(&new);
    until_sets(bridge, what, wanted).await;
}

/// Who is convicted is in no epoch that was made after its conviction.
async fn is_out_with_the_next_epoch(bridge: &Bridge, liar: Address) {
    let known = registration(bridge, liar).await;
    assert_eq!(known.standing, Standing::Convicted, "{liar}");
    let (_, first_without) = known.out.expect("it is out");
    let hub = &bridge.devnet.chains[0];
    let registry = bridge.devnet.configs[0].registry.unwrap();
    let logs = async |topics: [B256; 2]| {
        let topics: Vec<_> = topics.iter().filter(|topic| !topic.is_zero()).collect();
        let filter = json!([{ "address": registry, "fromBlock": "0x0", "topics": topics }]);
        hub.rpc("eth_getLogs", filter).await.unwrap().as_array().unwrap().clone()
    };
    let number = |value: &Value| u64::from_str_radix(&value.as_str().unwrap()[2..], 16).unwrap();
    let convicted = logs([ValidatorRegistry::Convicted::SIGNATURE_HASH, liar.into_word()]).await;
    let convicted = (number(&convicted[0]["blockNumber"]), number(&convicted[0]["logIndex"]));
    let made = logs([ValidatorRegistry::EpochMade::SIGNATURE_HASH, B256::ZERO]).await;
    let next = made.iter().find(|log| (number(&log["blockNumber"]), number(&log["logIndex"])) > convicted);
    let next = U256::from_be_slice(&hex::decode(next.unwrap()["topics"][1].as_str().unwrap()).unwrap());
    assert!(U256::from(first_without) <= next, "{liar} is out with epoch {first_without}, not with {next}");
}

/// Ends a validator's process: its key is in the wrong hands.
fn end(bridge: &mut Bridge, validator: usize) {
    let mut process = bridge.devnet.processes.remove(&Role::Validator(validator)).unwrap();
    process.stop(Duration::from_secs(5));
}

/// Start with ten. An eleventh registers by itself and joins. Then, each replaced before the next: one equivocates, one
/// signs a message that never was, one signs a wrong set, one is silent, one leaves; then three lie together. Each liar is
/// out with the next epoch, transfers never stop, sets are who they should be at each step, and honest bonds are whole.
#[test]
fn they_join_by_themselves_and_are_out_when_they_lie() {
    let mut options = options();
    (options.validators, options.silence) = (VALIDATORS, Duration::from_secs(15));
    with_own_bridge(&options, async |bridge| {
        let address = |bridge: &Bridge, number: usize| bridge.devnet.validator_keys[number].address();
        let eleventh = bridge.devnet.add_validator().await.unwrap();
        let key = address(bridge, eleventh);
        until_sets(bridge, "the eleventh is in", |set| set.len() == VALIDATORS + 1 && set.contains(&key))
            .await;

        let mut liars: Vec<Address> = Vec::new();
        for (liar, lie) in [(0, "equivocates"), (1, "forges"), (2, "signs a wrong set")] {
            let traitor = Traitor::new(&bridge.devnet, liar);
            let mut server = None;
            match lie {
                "equivocates" => equivocate(&bridge.devnet, &traitor, 1, 2).await.unwrap(),
                "forges" => forge(&bridge.devnet, &traitor, 1, 2).await.unwrap(),
                _ => {
                    end(bridge, liar);
                    server = Some(FalseSets::serve(&bridge.devnet, liar).await.unwrap());
                }
            }
            replaced(bridge, traitor.address(), &format!("who {lie} is out and replaced")).await;
            drop(server);
            is_out_with_the_next_epoch(bridge, traitor.address()).await;
            liars.push(traitor.address());
        }

        // One is silent.
        end(bridge, 7);
        let silent = address(bridge, 7);
        replaced(bridge, silent, "the silent one is out and replaced").await;
        let jailed = registration(bridge, silent).await;
        assert_eq!((jailed.standing, jailed.bond), (Standing::Jailed, BOND), "it may come back");
        let late = bridge.core().late().await.unwrap();
        assert!(late.get(&silent).is_some_and(|late| *late > 0), "{silent} was late: {late:?}");

        // One leaves, as its operator does it.
        let leaver = address(bridge, 3);
        let file = bridge.devnet.folder().join("validator-3.toml").display().to_string();
        let key_file = bridge.devnet.folder().join("validator-3.key");
        write_key(&key_file, bridge.devnet.validator_keys[3].to_bytes().as_slice());
        let arguments =
            ["validator", "exit", "--config", &file, "--key-file", &key_file.display().to_string()];
        let output = run(&arguments);
        let says = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && says.contains("Leaving"), "{says} {}", said(&output));
        replaced(bridge, leaver, "the leaver is out and replaced").await;
        let left = registration(bridge, leaver).await;
        assert_eq!((left.standing, left.bond), (Standing::Left, BOND), "its bond waits");
        end(bridge, 3);

        // Three at once: a core finds one, a validator has kept what another signed, a stranger comes with a file.
        let traitors = [4, 5, 6].map(|liar| Traitor::new(&bridge.devnet, liar));
        equivocate(&bridge.devnet, &traitors[0], 2, 0).await.unwrap();
        let kept = equivocation(&bridge.devnet, &traitors[1], 2, 0).await.unwrap();
        let folder = bridge.devnet.folder().join("validator-8.journal.evidence");
        fs::create_dir_all(&folder).unwrap();
        let kept_file = folder.join("kept.json");
        fs::write(&kept_file, serde_json::to_vec(&kept).unwrap()).unwrap();
        let told = altered(&bridge.devnet, &traitors[2], (0, 1), B256::repeat_byte(5)).await.unwrap();
        let file = bridge.devnet.folder().join("told.json");
        fs::write(&file, serde_json::to_vec(&told).unwrap()).unwrap();
        let stranger = bridge.devnet.folder().join("stranger.key");
        let key = PrivateKeySigner::random();
        write_key(&stranger, key.to_bytes().as_slice());
        bridge.devnet.chains[0].fund(key.address(), 1).await.unwrap();
        let (file, stranger) = (file.display().to_string(), stranger.display().to_string());
        let config = bridge.devnet.folder().join("icc.toml").display().to_string();
        let submit = ["evidence", "submit", &file, "--config", &config, "--key-file", &stranger];
        let output = run(&submit);
        let says = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && says.starts_with("submitted by 0x"), "{says} {}", said(&output));
        let out = traitors.map(|traitor| traitor.address());
        until_sets(bridge, "three liars are out, and nobody else", |set| {
            set.len() == VALIDATORS + 1 - 3 && out.iter().all(|liar| !set.contains(liar))
        })
        .await;
        for liar in out {
            is_out_with_the_next_epoch(bridge, liar).await;
        }
        eventually("what a validator kept is submitted by it", async || {
            fs::read_to_string(kept_file.with_extension("outcome"))
                .is_ok_and(|outcome| outcome.starts_with("submitted: transaction"))
        })
        .await;
        let again = run(&submit);
        let says = String::from_utf8_lossy(&again.stdout);
        assert!(again.status.success() && says.contains("convicted it already"), "{says} {}", said(&again));
        liars.extend(out);

        // Nobody who was honest has lost anything.
        for number in 0..bridge.devnet.validator_keys.len() {
            let key = address(bridge, number);
            let known = registration(bridge, key).await;
            if !liars.contains(&key) {
                assert_eq!(known.bond, BOND, "{key} is honest");
                assert_ne!(known.standing, Standing::Convicted, "{key} is honest");
            }
        }
        let evidence = bridge.core().evidence().await.unwrap();
        assert!(evidence.len() + 2 >= liars.len(), "all but what was never told to a core: {evidence:?}");
        for one in &evidence {
            assert!(liars.contains(&one.signer), "{} is honest", one.signer);
            let file = bridge.devnet.folder().join("evidence.json");
            fs::write(&file, one.evidence.to_string()).unwrap();
            let config = bridge.devnet.folder().join("icc.toml").display().to_string();
            let verify = ["evidence", "verify", &file.display().to_string(), "--config", &config];
            let output = run(&verify);
            let says = String::from_utf8_lossy(&output.stdout);
            let right = output.status.success() && says.contains(&one.signer.to_string());
            assert!(right, "{says} {}", said(&output));
        }
        bridge.audit().await;
    });
}

/// Attack: a quorum signs a message that never was, tells no core, and delivers it by itself: once openly, once by the call
/// of another contract. Its signatures stand in those transactions alone, and convict all the same.
#[test]
fn a_quorum_that_lies_to_the_chain_alone_leaves_its_evidence_there() {
    for (from, to, hidden) in [(0, 1, false), (0, 2, true)] {
        with_own_bridge(&options(), async |bridge| {
            bridge.arrived(bridge.deposit(from, to, 1).await).await;
            for liar in 0..3 {
                end(bridge, liar);
            }
            let traitors = [0, 1, 2].map(|liar| Traitor::new(&bridge.devnet, liar));
            deliver_forged(&bridge.devnet, &traitors, (from, to), hidden).await.unwrap();
            // What is really sent with that nonce.
            bridge.deposit(from, to, 1).await;
            all_are_accused(bridge, &traitors).await;
        });
    }
}

/// The same with a set: a quorum rotates a gateway to itself alone.
#[test]
fn a_quorum_that_makes_a_set_of_its_own_leaves_its_evidence_on_the_chain() {
    with_own_bridge(&options(), async |bridge| {
        for liar in 0..3 {
            end(bridge, liar);
        }
        let hub = EvmHub::new(&bridge.devnet.configs[0]).unwrap();
        bridge.devnet.add_validator().await.unwrap();
        eventually("an epoch is made, which the three do not sign", async || {
            hub.progress().await.unwrap().newest == 2
        })
        .await;
        let traitors = [0, 1, 2].map(|liar| Traitor::new(&bridge.devnet, liar));
        rotate_falsely(&bridge.devnet, &traitors, 1, 2).await.unwrap();
        all_are_accused(bridge, &traitors).await;
    });
}

/// There is evidence against all of them, and nobody else; one is out by a chain's word, and for more the guardian is asked.
async fn all_are_accused(bridge: &Bridge, traitors: &[Traitor]) {
    let liars: Vec<Address> = traitors.iter().map(Traitor::address).collect();
    eventually("there is evidence against all, and nobody else", async || {
        let evidence = bridge.core().evidence().await.unwrap();
        assert!(evidence.iter().all(|one| liars.contains(&one.signer)), "{evidence:?}");
        liars.iter().all(|liar| evidence.iter().any(|one| one.signer == *liar))
    })
    .await;
    eventually("one is out by the chain's word", async || {
        let mut out = 0;
        for liar in &liars {
            out += usize::from(registration(bridge, *liar).await.standing == Standing::Convicted);
        }
        out == 1
    })
    .await;
}

fn write_key(path: &std::path::Path, key: &[u8]) {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).unwrap();
    file.write_all(alloy_primitives::hex::encode_prefixed(key).as_bytes()).unwrap();
}
