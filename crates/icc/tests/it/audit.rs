//! `icc audit` on a real bridge: it finds what is wrong, says what it cannot read, and tells what is on its way.

use std::{process::Output, time::Duration};

use alloy_primitives::{B256, U256};
use alloy_sol_types::SolCall;
use icc_chain_evm::{Account, bindings::Gateway, token_id};
use icc_store::Store;
use serde_json::{Value, json};

use crate::{
    cli::{run, said},
    shared::{Bridge, with_bridge},
};

/// Where wrappers keep their supply (Solady's ERC20).
const SUPPLY_SLOT: u128 = 0x0005_345c_df77_eb68_f44c;

async fn audit(config: &str, arguments: &[&str]) -> Output {
    let all = [&["--json", "audit", "--config", config][..], arguments].concat();
    let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
    let run = move || run(&all.iter().map(String::as_str).collect::<Vec<_>>());
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn config(bridge: &Bridge) -> String {
    bridge.devnet.folder().join("icc.toml").display().to_string()
}

/// Audits until the exit code is this one: what was changed has to be in a final block first.
async fn until(config: &str, code: i32) -> Value {
    let mut output = audit(config, &[]).await;
    for _ in 0..120 {
        if output.status.code() == Some(code) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        output = audit(config, &[]).await;
    }
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(code), "{shown} {}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Units from nowhere, and a vault that lacks one.
#[test]
fn supply_from_nowhere_and_an_empty_vault_are_found() {
    with_bridge(async |bridge| {
        bridge.arrived(bridge.deposit(0, 2, 3).await).await;
        bridge.audit().await;
        let config = config(bridge);
        let account = bridge.account(2);
        let wrapper = bridge.user(&account, 2).local(token_id(bridge.id(0), bridge.tokens[0])).await.unwrap();
        let chain = &bridge.devnet.chains[2];
        let slot = B256::from(U256::from(SUPPLY_SLOT));
        let word = chain.rpc("eth_getStorageAt", json!([wrapper, slot, "latest"])).await.unwrap();
        let supply: U256 = word.as_str().unwrap().parse().unwrap();
        assert_eq!(supply, bridge.user(&account, 2).supply(wrapper).await.unwrap(), "is it the right slot?");
        let set = async |value: U256| {
            chain.rpc("anvil_setStorageAt", json!([wrapper, slot, B256::from(value)])).await.unwrap();
        };
        set(supply + U256::from(1)).await;
        let found = until(&config, 1).await;
        assert!(found["violations"][0].as_str().unwrap().contains("1 from nowhere"), "{found}");
        assert_eq!(found["whole"], false);
        set(supply - U256::from(1)).await;
        let mut found = until(&config, 1).await;
        // The extra unit may still be in the final block.
        for _ in 0..120 {
            if found["violations"][0].as_str().unwrap().contains("1 are missing") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            found = until(&config, 1).await;
        }
        assert!(found["violations"][0].as_str().unwrap().contains("1 are missing"), "{found}");
        set(supply).await;
        until(&config, 0).await;
        bridge.audit().await;
    });
}

/// What is on its way is no violation, and counted to the last unit; with --settled it is not all there is.
#[test]
fn what_is_on_its_way_is_counted_and_told() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        let config = config(bridge);
        let guardian =
            Account::new(bridge.devnet.configs[1].clone(), bridge.devnet.operator.clone()).unwrap();
        let gateway = bridge.devnet.configs[1].gateway;
        guardian.send(gateway, Gateway::pauseDeliveriesCall {}).await.unwrap();
        bridge.burst(0, 0, 1, 3).await;
        let mut told = Value::Null;
        for _ in 0..120 {
            told = until(&config, 0).await;
            if told["settled"] == false {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert_eq!((&told["settled"], &told["whole"]), (&json!(false), &json!(true)), "{told}");
        let token = token_id(bridge.id(0), bridge.tokens[0]).to_string();
        let tokens = told["tokens"].as_array().unwrap();
        let token = tokens.iter().find(|line| line["token_id"] == token.as_str()).unwrap();
        let beta = token["remotes"].as_array().unwrap().iter().find(|line| line["chain"] == "beta").unwrap();
        assert!(beta["in_flight"].as_str().unwrap().parse::<u64>().unwrap() > 0, "{told}");
        let waited = audit(&config, &["--settled", "--patience", "2"]).await;
        assert_eq!(waited.status.code(), Some(3), "{}", said(&waited));
        assert!(said(&waited).contains("waiting: alpha → beta"), "{}", said(&waited));

        let resumed = (gateway, Gateway::resumeDeliveriesCall {}.abi_encode().into());
        bridge.devnet.owner_acts(1, vec![resumed]).await.unwrap();
        bridge.audit().await;
    });
}

/// Unreadable is not whole: neither a chain, nor a validator, nor the database.
#[test]
fn what_cannot_be_read_is_said_and_is_not_whole() {
    with_bridge(async |bridge| {
        let good = std::fs::read_to_string(config(bridge)).unwrap();
        let file = bridge.devnet.folder().join("unreadable.toml");
        let path = file.display().to_string();
        let nobody = "http://127.0.0.1:9/";
        let chain = bridge.devnet.chains[1].url().to_string();
        let database = bridge.devnet.postgres.url();
        for (from, to, more, says) in [
            (chain.as_str(), nobody, &[][..], "beta"),
            (&chain, &chain, &["--validator", nobody], "validator at 127.0.0.1:9"),
            (&database, "postgres://nobody@127.0.0.1:9/none", &[], "database"),
        ] {
            assert!(good.contains(from), "{from} in {good}");
            std::fs::write(&file, good.replace(from, to)).unwrap();
            let output = audit(&path, more).await;
            assert_eq!(output.status.code(), Some(4), "{}", said(&output));
            let told: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!((&told["whole"], &told["violations"]), (&json!(false), &json!([])), "{told}");
            assert!(told["unreadable"][0].as_str().unwrap().contains(says), "{told}");
        }
        let none = audit("/nonexistent/icc.toml", &[]).await;
        assert_eq!(none.status.code(), Some(4), "{}", said(&none));
    });
}

/// A lease's terms are written with it: taken, renewed, given back, taken by the next.
#[test]
fn leases_leave_terms_that_do_not_overlap() {
    with_bridge(async |bridge| {
        let store = Store::connect(&bridge.devnet.postgres.url(), 2).await.unwrap();
        let (name, long) = ("audit/test", Duration::from_secs(60));
        let mine = store.acquire_lease(name, "me", long).await.unwrap().unwrap();
        assert!(store.acquire_lease(name, "you", long).await.unwrap().is_none());
        let again = store.acquire_lease(name, "me", long).await.unwrap().unwrap();
        assert!(!store.renew_lease(&mine, long).await.unwrap(), "an earlier hold of the same owner");
        store.release_lease(&mine).await.unwrap();
        assert!(store.renew_lease(&again, long * 2).await.unwrap());
        let terms = async || {
            let terms = store.lease_terms().await.unwrap();
            terms.into_iter().filter(|term| term.name == name).collect::<Vec<_>>()
        };
        let held = terms().await;
        assert_eq!(held.iter().map(|term| term.token).collect::<Vec<_>>(), [mine.token, again.token]);
        assert!(held[0].until <= held[1].since, "{held:?}");
        assert!(held[1].until - held[1].since > 100_000_000, "renewed: {held:?}");
        store.release_lease(&again).await.unwrap();
        let yours = store.acquire_lease(name, "you", Duration::from_millis(1)).await.unwrap().unwrap();
        let held = terms().await;
        assert_eq!((held.len(), held[2].token, held[2].owner.as_str()), (3, yours.token, "you"));
        assert!(held[1].until <= held[2].since && held[1].until >= held[1].since, "{held:?}");
        // Bounded, and cheap: this is in the way of every round of the relay.
        let began = std::time::Instant::now();
        for _ in 0..1100 {
            store.acquire_lease(name, "you", long).await.unwrap().unwrap();
        }
        let each = began.elapsed() / 1100;
        eprintln!("taking a lease: {each:?}");
        assert_eq!(terms().await.len(), 1000);
        bridge.audit().await;
    });
}
