//! Fees, refunds, rate limits and generations, as a person and an operator meet them: by the command line.

use std::process::Output;

use alloy_primitives::{B256, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use icc_chain_evm::{
    Account,
    bindings::{Gateway, TokenBridge},
    token_id,
};
use serde_json::{Value, json};

use crate::{
    cli::{run, said},
    shared::{AMPLE, Bridge, with_bridge},
};

/// Runs `icc --json …` with the devnet's configuration and a key of its folder.
pub async fn icc(bridge: &Bridge, key: Option<&str>, arguments: &[&str]) -> Output {
    let folder = bridge.devnet.folder();
    let mut all: Vec<String> = vec!["--json".to_owned()];
    all.extend(arguments.iter().map(|text| (*text).to_owned()));
    all.extend(["--config".to_owned(), folder.join("icc.toml").display().to_string()]);
    if let Some(key) = key {
        all.extend(["--key-file".to_owned(), folder.join(key).display().to_string()]);
    }
    tokio::task::spawn_blocking(move || run(&all.iter().map(String::as_str).collect::<Vec<_>>()))
        .await
        .unwrap()
}

pub fn result(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

async fn done(bridge: &Bridge, key: Option<&str>, arguments: &[&str]) -> Value {
    let output = icc(bridge, key, arguments).await;
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    result(&output)
}

fn send<'a>(token: &'a str, core: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["send", "token", "--from", "alpha", "--to", "gamma", "--token", token];
    arguments.extend(["--core", core, "--patience", "60"]);
    arguments.extend(more);
    arguments
}

const TEN: &str = "0.00000000000000001";

#[test]
fn a_delivery_is_quoted_paid_for_and_collected() {
    with_bridge(async |bridge| {
        let (token, core) = (bridge.tokens[0].to_string(), bridge.devnet.core_urls[0].to_string());
        let route =
            ["quote", "token", "--from", "alpha", "--to", "gamma", "--token", &token, "--amount", TEN];
        let quoted = done(bridge, None, &route).await;
        let fee: u128 = quoted["fee_wei"].as_str().unwrap().parse().unwrap();
        assert!(fee > 0, "{quoted}");

        let refused = icc(
            bridge,
            Some("user.key"),
            &send(&token, &core, &["--amount", TEN, "--max-fee", "0.000000000000000001"]),
        )
        .await;
        assert!(!refused.status.success() && said(&refused).contains("max-fee"), "{}", said(&refused));

        let operator = bridge.devnet.operator.clone();
        let account = Account::new(bridge.devnet.configs[0].clone(), operator).unwrap();
        let gateway = bridge.devnet.configs[0].gateway;
        account.send(gateway, Gateway::collectFeesCall {}).await.unwrap();
        let sent = done(bridge, Some("user.key"), &send(&token, &core, &["--amount", TEN])).await;
        assert_eq!(sent["arrived"], true, "{sent}");
        let paid: u128 = sent["fee_wei"].as_str().unwrap().parse().unwrap();
        assert_eq!(sent["messages"][0]["fee_paid"], json!(paid.to_string()));

        let before = account.balance().await.unwrap();
        let receipt = account.send(gateway, Gateway::collectFeesCall {}).await.unwrap();
        let cost = U256::from(u128::from(receipt.gas_used) * receipt.gas_price);
        assert_eq!(account.balance().await.unwrap() + cost - before, U256::from(paid), "fees in = fees out");
        bridge.audit().await;
    });
}

#[test]
fn what_cannot_be_handed_over_in_time_comes_back() {
    with_bridge(async |bridge| {
        let (token, core) = (bridge.tokens[0].to_string(), bridge.devnet.core_urls[1].to_string());
        let account = bridge.account(2);
        let wrapper = bridge.user(&account, 2).local(token_id(bridge.id(0), bridge.tokens[0])).await.unwrap();
        let wrapper = wrapper.to_string();
        let at = ["--chain", "gamma", "--token", wrapper.as_str()];
        let pause = [&["token", "pause", "--releases"][..], &at].concat();
        done(bridge, Some("operator.key"), &pause).await;
        let before = bridge.balance(0, 0).await;
        let soon =
            icc(bridge, Some("user.key"), &send(&token, &core, &["--amount", TEN, "--deadline", "3"])).await;
        assert!(said(&soon).contains("deadline"), "sooner than can be kept: {}", said(&soon));
        let sent =
            icc(bridge, Some("user.key"), &send(&token, &core, &["--amount", TEN, "--deadline", "9"])).await;
        assert_eq!(sent.status.code(), Some(3), "{}", said(&sent));
        let told = result(&sent);
        let message = &told["messages"][0];
        assert_eq!(message["state"], "refunded", "{told}");
        assert_eq!(message["next"]["why"], "refund");
        assert!(message["funds"].as_str().unwrap().contains("back with"), "{told}");
        assert_eq!(bridge.balance(0, 0).await, before);
        done(bridge, Some("operator.key"), &[&["token", "unpause"][..], &at].concat()).await;
        bridge.audit().await;
    });
}

#[test]
fn above_the_limit_a_transfer_waits_and_arrives() {
    with_bridge(async |bridge| {
        let (token, core) = (bridge.tokens[0].to_string(), bridge.devnet.core_urls[0].to_string());
        let id = token_id(bridge.id(0), bridge.tokens[0]);
        let account = bridge.account(2);
        let wrapper = bridge.user(&account, 2).local(id).await.unwrap().to_string();
        let at = ["--chain", "gamma", "--token", wrapper.as_str()];
        let limits = [&["token", "limits", "--arrivals", "0.000000000000000005"][..], &at].concat();
        done(bridge, Some("operator.key"), &limits).await;
        let unfollowed =
            ["send", "token", "--from", "alpha", "--to", "gamma", "--token", &token, "--amount", TEN];
        let sent = done(bridge, Some("user.key"), &unfollowed).await;
        let transaction = sent["transaction"].as_str().unwrap().to_owned();
        let mut waiting = Value::Null;
        for _ in 0..300 {
            let status = run(&["--json", "status", &transaction, "--core", &core]);
            waiting = result(&status)["messages"][0].clone();
            if waiting["state"] == "queued" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert!(waiting["reason"].as_str().unwrap().contains("queued by the rate limit until"), "{waiting}");
        let show = [&["token", "show"][..], &at].concat();
        assert_eq!(done(bridge, None, &show).await["waiting"], "0.000000000000000010");
        bridge.arrived(transaction.parse().unwrap()).await;
        assert_eq!(done(bridge, None, &show).await["waiting"], "0.000000000000000000");
        bridge.limit(2, id, AMPLE).await;
        bridge.audit().await;
    });
}

/// A lane is closed with a transfer on its way, reconciled, succeeded by the next generation, and the transfer sent
/// again: it arrives once.
#[test]
fn a_closed_lane_is_reconciled_and_strands_nothing() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        let route = ["--from", "beta", "--to", "gamma"];
        let lane = |what: &[&'static str]| [&["lane"][..], what, &route].concat();
        let guardian =
            Account::new(bridge.devnet.configs[2].clone(), bridge.devnet.operator.clone()).unwrap();
        let gateway = bridge.devnet.configs[2].gateway;
        guardian.send(gateway, Gateway::pauseDeliveriesCall {}).await.unwrap();
        let before = bridge.balance(1, 2).await;
        let transaction = bridge.deposit(1, 2, 21).await;
        done(bridge, Some("operator.key"), &lane(&["close"])).await;
        let again = icc(bridge, Some("operator.key"), &lane(&["allow-resend", "--generation", "2"])).await;
        assert!(said(&again).contains("generation"), "{}", said(&again));
        let report = done(bridge, None, &lane(&["reconcile"])).await;
        assert_eq!(report["ended"], json!([true, true]), "{report}");
        assert_eq!(report["undelivered"][0]["amount"], "21", "{report}");
        assert_eq!(report["contradictions"], json!([]));
        done(bridge, Some("operator.key"), &lane(&["reopen"])).await;
        let allow = lane(&["allow-resend", "--generation", "1"]);
        let mut allowed = icc(bridge, Some("operator.key"), &allow).await;
        for _ in 0..50 {
            if allowed.status.success() {
                break;
            }
            assert!(said(&allowed).contains("not final yet"), "{}", said(&allowed));
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            allowed = icc(bridge, Some("operator.key"), &allow).await;
        }
        let resumed = (gateway, Gateway::resumeDeliveriesCall {}.abi_encode().into());
        bridge.devnet.owner_acts(2, vec![resumed]).await.unwrap();
        let resent = done(bridge, Some("user.key"), &lane(&["resend", "--generation", "1"])).await;
        bridge.arrived(resent["transactions"][0].as_str().unwrap().parse().unwrap()).await;
        assert_eq!(bridge.balance(1, 2).await - before, U256::from(21));
        bridge.arrived(bridge.deposit(1, 2, 1).await).await;
        let report = done(bridge, None, &lane(&["reconcile"])).await;
        assert_eq!((&report["generation"], &report["undelivered"]), (&json!(2), &json!([])), "{report}");
        let old = bridge.core().transaction(transaction).await.unwrap();
        assert!(!old.messages[0].state.is_settled(), "the old generation's message was not delivered");
        bridge.audit().await;
    });
}

/// A core follows what gas costs, in the steps that the gateway allows.
#[test]
fn gas_prices_are_kept_near_what_gas_costs() {
    with_bridge(async |bridge| {
        let account = bridge.account(0);
        let (gateway, to) = (bridge.devnet.configs[0].gateway, bridge.id(1).0);
        let present = account.view(gateway, Gateway::outboxCall { chain: to }).await.unwrap();
        // Eight times too high, and set long ago: slot 2 of the outbox, of which the price is bits 104..184.
        let slot =
            U256::from_be_bytes(keccak256((U256::from(to), U256::ZERO).abi_encode()).0) + U256::from(1);
        let word =
            bridge.devnet.chains[0].rpc("eth_getStorageAt", json!([gateway, slot, "latest"])).await.unwrap();
        let word: U256 = word.as_str().unwrap().parse().unwrap();
        let price: U256 = (word >> 104) & U256::from((1u128 << 80) - 1);
        assert_eq!(price.to::<u128>(), present.price.to::<u128>());
        let mask: U256 = (U256::from((1u128 << 120) - 1)) << 104;
        let changed: U256 = (word & !mask) | ((price << 3) << 104) | (U256::from(1_000_000) << 184);
        let arguments = json!([gateway, B256::from(slot), B256::from(changed)]);
        bridge.devnet.chains[0].rpc("anvil_setStorageAt", arguments).await.unwrap();
        let mut now = U256::ZERO;
        for _ in 0..400 {
            now = account.view(gateway, Gateway::outboxCall { chain: to }).await.unwrap().price.to();
            if now < price << 3 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert_eq!(now, (price << 3) - (price << 1), "a quarter less");
    });
}

/// A price that is too old stops what is paid for, and nothing else.
#[test]
fn a_stale_price_does_not_keep_anybody_from_sending_unpaid() {
    with_bridge(async |bridge| {
        let account = bridge.account(2);
        let (gateway, to) = (bridge.devnet.configs[2].gateway, bridge.id(0));
        let updater = account.view(gateway, Gateway::feeUpdaterCall {}).await.unwrap();
        let collector = bridge.devnet.operator.address();
        // Nobody renews it meanwhile.
        let roles = |updater| Gateway::setFeeRolesCall { updater, collector }.abi_encode().into();
        bridge.devnet.owner_acts(2, vec![(gateway, roles(Default::default()))]).await.unwrap();
        let slot =
            U256::from_be_bytes(keccak256((U256::from(to.0), U256::ZERO).abi_encode()).0) + U256::from(1);
        let chain = &bridge.devnet.chains[2];
        let word = chain.rpc("eth_getStorageAt", json!([gateway, slot, "latest"])).await.unwrap();
        let word: U256 = word.as_str().unwrap().parse().unwrap();
        let mask: U256 = U256::from((1u64 << 40) - 1) << 184;
        let old: U256 = (word & !mask) | (U256::from(1_000_000) << 184);
        chain.rpc("anvil_setStorageAt", json!([gateway, B256::from(slot), B256::from(old)])).await.unwrap();

        let token = bridge.tokens[2].to_string();
        let send = ["send", "token", "--from", "gamma", "--to", "alpha", "--token", &token, "--amount", TEN];
        let refused = icc(bridge, Some("user.key"), &send).await;
        assert!(!refused.status.success() && said(&refused).contains("PriceStale"), "{}", said(&refused));
        let sent = done(bridge, Some("user.key"), &[&send[..], &["--unpaid"]].concat()).await;

        bridge.devnet.owner_acts(2, vec![(gateway, roles(updater))]).await.unwrap();
        bridge.arrived(sent["transaction"].as_str().unwrap().parse().unwrap()).await;
        let quote = Gateway::quoteCall { chain: to.0, gasLimit: 1, deadline: 0, payloadLength: U256::ZERO };
        let mut quoted = account.view(gateway, quote.clone()).await;
        for _ in 0..400 {
            if quoted.is_ok() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            quoted = account.view(gateway, quote.clone()).await;
        }
        quoted.expect("the updater renews it");
        bridge.audit().await;
    });
}

/// The issuer's and the owner's commands are refused to anybody else.
#[test]
fn limits_and_pauses_are_not_everybodys() {
    with_bridge(async |bridge| {
        let token = bridge.tokens[0].to_string();
        for what in [&["limits", "--arrivals", "1"][..], &["unpause"], &["pause", "--deposits"], &["claim"]] {
            let arguments = [&["token"][..], what, &["--chain", "alpha", "--token", &token]].concat();
            let refused = icc(bridge, Some("user.key"), &arguments).await;
            assert!(!refused.status.success(), "{what:?}");
        }
        let id = B256::ZERO.to_string();
        let strike = ["lane", "strike", "--from", "alpha", "--to", "beta", "--id", &id];
        let refused = icc(bridge, Some("operator.key"), &strike).await;
        assert!(
            !refused.status.success() && said(&refused).contains("is not recorded"),
            "{}",
            said(&refused)
        );
        let call = TokenBridge::flowOfCall { tokenId: token_id(bridge.id(0), bridge.tokens[0]) };
        let account = bridge.account(0);
        let flow = account.view(bridge.devnet.contracts[0].token_bridge, call).await.unwrap();
        assert!(!flow.depositsPaused && !flow.releasesPaused);
    });
}
