//! Endpoints that lie, hang and break, between validators and a chain: what is signed, and what never is.

use std::{sync::Arc, time::Duration};

use alloy_primitives::Address;
use icc_testkit::liars;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    placed::{Case, Lying, Seen},
    proxied::{
        ENDPOINTS, Proxied, VALIDATORS, deposit_on_fork, deposits, eventually, lane, log, log_lengths,
        metric, on_fork, sent_on, signed, submit_deposits,
    },
    shared::{Bridge, with_bridge},
};

/// Bursts of deposits until all have lied.
const MAX_TRIES: usize = 8;
const EVENTS: &str = "eth_getLogs";
const PROOFS: &str = "eth_getProof";

/// One of the three endpoints of half of the validators lies, to each chain another one and at other validators in each round:
/// everything arrives, nothing is gained or lost, and every validator names its liar.
#[test]
fn one_liar_of_three_stops_nothing_and_is_named() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        let fork = bridge.devnet.fork(1).await.unwrap();
        deposit_on_fork(bridge, &on_fork(bridge, 1, &fork), 1, 2, 900).await;
        let (steady, fickle) = (fork.url(), fork.url());
        let thief = Address::repeat_byte(0xbb);
        let slow = Duration::from_millis(700);
        let rounds = [
            [
                Case::new("drop_event", EVENTS, Seen::Disagreement, || liars::DropEvent),
                Case::new("other_fork", EVENTS, Seen::Disagreement, move || {
                    liars::OtherFork::new(steady.clone()).unwrap()
                }),
                Case::new("forged_account_proof", PROOFS, Seen::Disagreement, || liars::ForgedAccountProof),
            ],
            [
                Case::new("add_event", EVENTS, Seen::Disagreement, || liars::AddEvent),
                Case::new("fickle", EVENTS, Seen::Disagreement, move || {
                    liars::Fickle::new(liars::OtherFork::new(fickle.clone()).unwrap())
                }),
                Case::new("early_final", EVENTS, Seen::Nothing, || liars::EarlyFinal),
            ],
            [
                Case::new("alter_event", EVENTS, Seen::Disagreement, move || liars::AlterEvent { thief }),
                Case::new("cut", EVENTS, Seen::Absence, || liars::Cut),
                Case::new("slow", EVENTS, Seen::Absence, move || liars::Slow { delay: slow }),
            ],
            [
                Case::new("reorder_events", EVENTS, Seen::Disagreement, || liars::ReorderEvents),
                Case::new("malformed", EVENTS, Seen::Absence, liars::Malformed::default),
                Case::new("forged_storage_proof", PROOFS, Seen::Disagreement, || liars::ForgedStorageProof),
            ],
            [
                Case::new("behind", EVENTS, Seen::Disagreement, || liars::Behind { blocks: 40 }),
                Case::new("hang", EVENTS, Seen::Absence, || liars::Hang),
                Case::new("enormous", EVENTS, Seen::Absence, || liars::Enormous { bytes: 40 << 20 }),
            ],
        ];
        for (number, round) in rounds.iter().enumerate() {
            one_round(bridge, number, round).await;
        }
    });
}

/// Each chain has the case of its number.
async fn one_round(bridge: &mut Bridge, number: usize, cases: &[Case; 3]) {
    let mut lying = Vec::new();
    for (chain, case) in cases.iter().enumerate() {
        lying.push(Lying::before(bridge, chain, 2 * number + chain, case).await);
    }
    // Some lies need two messages in one answer: how many are in one block is the chain's to decide. And a validator
    // may have turned to another endpoint since it was looked at.
    for _ in 0..MAX_TRIES {
        for liars in &mut lying {
            liars.place(bridge).await;
        }
        for (from, to) in [(0, 1), (1, 2), (2, 0)] {
            deposits(bridge, from, to, &[1, 2, 3, 4, 5, 6]).await;
        }
        bridge.audit().await;
        if lying.iter().all(|liars| liars.silent().is_empty()) {
            break;
        }
    }
    for liars in &lying {
        let (name, silent) = (liars.case.name, liars.silent());
        assert!(silent.is_empty(), "after {MAX_TRIES} tries {name} has not lied to validators {silent:?}");
    }

    for liars in &lying {
        liars.are_named(bridge).await;
    }
    for liars in lying {
        liars.proxied.remove(bridge);
    }
    bridge.audit().await;
}

/// Too many of every validator's endpoints lie or are missing, to each chain in another way. Nothing is signed, all
/// validators say so, and when enough are healed everything goes on by itself: all endpoints of half of the validators, who
/// then vouch for the others, and one more endpoint of these:
/// * chain 0: two forks that do not agree with each other or with the chain;
/// * chain 1: one hangs, one talks nonsense;
/// * chain 2: all three conceal the newest message. Here one that is healed is enough: proofs tell who is right.
#[test]
fn without_a_quorum_of_honest_endpoints_nothing_is_signed_until_they_are_healed() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        let mut forks = Vec::new();
        for amount in [700, 800] {
            let fork = bridge.devnet.fork(0).await.unwrap();
            deposit_on_fork(bridge, &on_fork(bridge, 0, &fork), 0, 1, amount).await;
            forks.push(fork);
        }
        let mut chains = Vec::new();
        for chain in 0..3 {
            chains.push(Proxied::before(bridge, chain).await);
        }
        let logged = log_lengths(bridge);
        for validator in 0..VALIDATORS {
            for (endpoint, fork) in forks.iter().enumerate() {
                chains[0].set(validator, endpoint, Arc::new(liars::OtherFork::new(fork.url()).unwrap()));
            }
            chains[1].set(validator, 1, Arc::new(liars::Hang));
            chains[1].set(validator, 2, Arc::new(liars::Malformed::default()));
            for endpoint in 0..ENDPOINTS {
                chains[2].set(validator, endpoint, Arc::new(liars::DropEvent));
            }
        }
        // What was under way is over.
        sleep(Duration::from_secs(1)).await;
        let ways = [(0, 1), (1, 2), (2, 0)];
        let mut lanes = Vec::new();
        for (from, to) in ways {
            lanes.push(lane(bridge, from, to).await);
            deposits(bridge, from, to, &[7, 8]).await;
        }
        let before = [bridge.balance(0, 1).await, bridge.balance(1, 2).await, bridge.balance(2, 0).await];
        // Of every chain, the deposits have been final for long.
        sleep(Duration::from_secs(6)).await;
        for (validator, logged) in logged.into_iter().enumerate() {
            for (number, (lane, last)) in lanes.iter().enumerate() {
                let signed = signed(bridge, validator, *lane, last + 1).await;
                assert!(signed.is_empty(), "validator {validator} signed of chain {number}: {signed:?}");
            }
            for chain in 0..3 {
                let label = format!("chain=\"{}\"", bridge.id(chain));
                eventually(
                    &format!("validator {validator}, chain {chain}: an alarm by metric"),
                    async || {
                        metric(
                            bridge,
                            validator,
                            "icc_validator_abstaining_seconds",
                            std::slice::from_ref(&label),
                        )
                        .await
                            > 0.0
                    },
                )
                .await;
                let id = bridge.id(chain).to_string();
                eventually(&format!("validator {validator}, chain {chain}: an alarm by log"), async || {
                    let new = log(bridge, validator).split_off(logged);
                    new.lines().any(|line| line.contains("ERROR") && line.contains(&id))
                })
                .await;
            }
        }
        let after = [bridge.balance(0, 1).await, bridge.balance(1, 2).await, bridge.balance(2, 0).await];
        assert_eq!(after, before, "nothing arrives that nobody has signed");

        for validator in 0..VALIDATORS {
            chains[0].set(validator, 1, Arc::new(icc_testkit::Honest));
            chains[1].set(validator, 2, Arc::new(icc_testkit::Honest));
            chains[2].set(validator, 2, Arc::new(icc_testkit::Honest));
            if validator < VALIDATORS / 2 {
                chains[0].set(validator, 0, Arc::new(icc_testkit::Honest));
                chains[1].set(validator, 1, Arc::new(icc_testkit::Honest));
            }
        }
        bridge.audit().await;
        assert_ne!(bridge.balance(0, 1).await, before[0]);
        assert_ne!(bridge.balance(1, 2).await, before[1]);
        assert_ne!(bridge.balance(2, 0).await, before[2]);
        for proxied in chains {
            proxied.heal();
            proxied.remove(bridge);
        }
        for validator in 0..VALIDATORS {
            for chain in 0..3 {
                let label = format!("chain=\"{}\"", bridge.id(chain));
                eventually(&format!("validator {validator}, chain {chain}: no alarm any more"), async || {
                    metric(
                        bridge,
                        validator,
                        "icc_validator_abstaining_seconds",
                        std::slice::from_ref(&label),
                    )
                    .await
                        == 0.0
                })
                .await;
            }
        }
        bridge.audit().await;
    });
}

/// The attack of 2026: two of a validator's three endpoints are poisoned in the same way, with a fork that is whole,
/// and the honest one is cut off. First the fork conceals what happens on the chain, then it has a deposit that the
/// chain has not. The validator signs nothing of it, the others go on, and it comes back by itself.
#[test]
fn a_majority_poisoned_alike_with_the_honest_one_cut_off_signs_nothing_forged() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        let fork = bridge.devnet.fork(0).await.unwrap();
        let there = on_fork(bridge, 0, &fork);
        let proxied = Proxied::before(bridge, 0).await;
        let (lane, last) = lane(bridge, 0, 1).await;
        for endpoint in 0..2 {
            proxied.set(0, endpoint, Arc::new(liars::OtherFork::new(fork.url()).unwrap()));
        }
        bridge.devnet.endpoints[0][0][2].set_cut(true);

        // Two messages that the fork has not; the quorum of four does without the poisoned one.
        deposits(bridge, 0, 1, &[31, 32]).await;
        bridge.audit().await;
        sleep(Duration::from_secs(2)).await;
        let true_ones = signed(bridge, 1, lane, last + 1).await;
        assert!(!true_ones.is_empty(), "the others have signed");
        assert!(signed(bridge, 0, lane, last + 1).await.is_empty(), "it cannot know of them");

        // A message that only the fork has, under the nonce of the first true one. Its block becomes final there.
        deposit_on_fork(bridge, &there, 0, 1, 500_000).await;
        assert_eq!(sent_on(&there, bridge, 0, 1).await, (lane, last + 1));
        let told = proxied.lies(0, 0);
        sleep(Duration::from_secs(6)).await;
        assert!(proxied.lies(0, 0) > told, "it hears the forgery");
        let forged = signed(bridge, 0, lane, last + 1).await;
        assert!(forged.is_empty(), "signed what the chain does not have: {forged:?}");

        bridge.devnet.endpoints[0][0][2].set_cut(false);
        proxied.heal();
        proxied.remove(bridge);
        deposits(bridge, 0, 1, &[33]).await;
        bridge.audit().await;
        let (_, last_now) = crate::proxied::lane(bridge, 0, 1).await;
        eventually("the validator has come back by itself", async || {
            let (own, others) =
                (signed(bridge, 0, lane, last_now).await, signed(bridge, 1, lane, last_now).await);
            !own.is_empty() && own == others
        })
        .await;
        for own in signed(bridge, 0, lane, last + 1).await {
            let others = signed(bridge, 1, lane, last + 1).await;
            assert!(others.contains(&own) || others.iter().all(|other| other.0 != own.0), "{own:?}");
        }
    });
}

/// Two of a validator's three endpoints call blocks final that are not, and the honest one is cut off. A block that
/// is on the chain, but not final, is signed by nobody: it vanishes, and the lane goes on.
#[test]
fn a_majority_that_is_too_early_with_the_honest_one_cut_off_signs_nothing_that_vanishes() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        let proxied = Proxied::before(bridge, 1).await;
        let (lane, last) = lane(bridge, 1, 2).await;
        for endpoint in 0..2 {
            proxied.set(0, endpoint, Arc::new(liars::EarlyFinal));
        }
        bridge.devnet.endpoints[0][1][2].set_cut(true);
        let node = &bridge.devnet.chains[1];
        // From here on there is a block only when we say so.
        node.rpc("evm_setIntervalMining", json!([0])).await.unwrap();
        let account = bridge.account(1);
        let sent = submit_deposits(bridge, &account, 1, 2, &[41, 42]).await;
        node.rpc("evm_mine", json!([])).await.unwrap();
        account.wait(*sent.last().unwrap()).await.unwrap();
        assert!(lane_at(bridge, "latest").await > last && lane_at(bridge, "finalized").await == last);
        let told = proxied.lies(0, 0);
        sleep(Duration::from_secs(5)).await;
        assert!(proxied.lies(0, 0) > told, "it hears that the newest block is final");
        let mut premature = Vec::new();
        for validator in 0..VALIDATORS {
            premature.push(signed(bridge, validator, lane, last + 1).await);
        }
        node.reorg(1).await.unwrap();
        // Not with parts of a second: this chain is slower from now on.
        node.rpc("evm_setIntervalMining", json!([1])).await.unwrap();
        assert!(premature.iter().all(Vec::is_empty), "signed before it was final: {premature:?}");
        assert_eq!(lane_at(bridge, "latest").await, last, "the messages have vanished");

        // Other messages take their nonces, and the quorum of four does without the poisoned one.
        deposits(bridge, 1, 2, &[43]).await;
        bridge.audit().await;
        bridge.devnet.endpoints[0][1][2].set_cut(false);
        proxied.heal();
        proxied.remove(bridge);
        deposits(bridge, 1, 2, &[44]).await;
        bridge.audit().await;
        eventually("the validator has come back by itself", async || {
            let (own, others) =
                (signed(bridge, 0, lane, last + 2).await, signed(bridge, 1, lane, last + 2).await);
            !own.is_empty() && own == others
        })
        .await;
    });
}

/// The last nonce sent from the second chain to the third at a block.
async fn lane_at(bridge: &Bridge, block: &str) -> u64 {
    use alloy_sol_types::SolCall;
    use icc_chain_evm::bindings::Gateway;
    let call = Gateway::outboxCall { chain: bridge.id(2).0 };
    let request = json!([
        {"to": bridge.devnet.configs[1].gateway, "data": alloy_primitives::Bytes::from(call.abi_encode())},
        block
    ]);
    let answer = bridge.devnet.chains[1].rpc("eth_call", request).await.unwrap();
    let answer: alloy_primitives::Bytes = serde_json::from_value(answer).unwrap();
    Gateway::outboxCall::abi_decode_returns(&answer).unwrap().nonce
}
