//! Tokens on six lanes at once, relayed by two cores.

use std::time::Duration;

use alloy_primitives::{U256, hex};
use alloy_sol_types::{Revert, SolConstructor, SolError};
use icc_api::CoreClient;
use icc_chain_evm::{OutgoingMessage, bindings::MessageBoard};
use icc_devnet::{Demo, Role};
use icc_protocol::TransferState;
use serde_json::json;

use crate::shared::with_bridge;

/// 204 deposits, 34 on each of six lanes, at once; then the same back.
#[test]
fn two_hundred_transfers_on_six_lanes_there_and_back() {
    with_bridge(async |bridge| {
        let before = [bridge.balance(0, 1).await, bridge.balance(1, 2).await];
        for from in 0..3 {
            for to in (0..3).filter(|to| *to != from) {
                bridge.burst(from, from, to, 34).await;
            }
        }
        bridge.audit().await;
        assert_eq!(bridge.balance(0, 1).await, before[0] + U256::from(34));
        assert_eq!(bridge.balance(1, 2).await, before[1] + U256::from(34));
        for home in 0..3 {
            for from in (0..3).filter(|from| *from != home) {
                bridge.burst(home, from, home, 34).await;
            }
        }
        bridge.audit().await;
        assert_eq!(bridge.balance(0, 1).await, before[0]);
        let logs: Vec<String> = (0..2)
            .map(|core| {
                let log = bridge.devnet.process(Role::Core(core)).unwrap().log().to_owned();
                std::fs::read_to_string(log).unwrap()
            })
            .collect();
        assert!(logs.iter().all(|log| log.contains("delivered")), "both cores relay");
    });
}

#[test]
fn a_message_that_fails_is_executed_once_its_recipient_exists() {
    with_bridge(async |bridge| {
        let (there, account) = (bridge.account(2), bridge.account(0));
        let board = there.address().create(there.nonce().await.unwrap());
        let user = bridge.user(&account, 0);
        let message = OutgoingMessage {
            to: bridge.id(2),
            recipient: board,
            gas_limit: 240_000,
            deadline: 0,
            payload: b"early".as_slice().into(),
        };
        let transaction = user.message(&message, U256::ZERO).await.unwrap();
        let core = bridge.core();
        let mut seen = String::new();
        for _ in 0..600 {
            let view = core.transaction(transaction).await.unwrap();
            if let Some(message) = view.messages.first().filter(|m| m.state == TransferState::Recorded) {
                seen = message.reason.clone();
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(seen.contains("its call failed"), "{seen}");
        let arguments = MessageBoard::constructorCall { gateway_: bridge.devnet.contracts[2].gateway };
        let made =
            bridge.user(&there, 2).create(&MessageBoard::BYTECODE, &arguments.abi_encode()).await.unwrap();
        assert_eq!(made, board);
        bridge.arrived(transaction).await;
        let count = there.view(board, MessageBoard::countCall {}).await.unwrap();
        assert_eq!(count, U256::from(1), "0x{}", hex::encode(board));
    });
}

/// Attack: a recipient that reverts with a zero byte in its reason, which PostgreSQL refuses in a text. What waits behind
/// it in the lane is executed all the same, and people are told why it is not.
#[test]
fn a_recipient_that_reverts_with_unprintable_words_holds_nobody_up() {
    with_bridge(async |bridge| {
        let (there, account) = (bridge.account(2), bridge.account(0));
        let words = Revert { reason: "a\0\nb".to_owned() }.abi_encode();
        // Copies what follows the code into memory; reverts with it, or, to create, returns the code.
        let last_of_code =
            |length: u8, op: u8| [0x60, length, 0x60, 12, 0x60, 0, 0x39, 0x60, length, 0x60, 0, op];
        let runtime = [last_of_code(words.len() as u8, 0xfd).as_slice(), &words].concat();
        let init = [last_of_code(runtime.len() as u8, 0xf3).as_slice(), &runtime].concat();
        let user_there = bridge.user(&there, 2);
        let hostile = user_there.create(&init.into(), &[]).await.unwrap();
        let arguments = MessageBoard::constructorCall { gateway_: bridge.devnet.contracts[2].gateway };
        let board = user_there.create(&MessageBoard::BYTECODE, &arguments.abi_encode()).await.unwrap();

        let user = bridge.user(&account, 0);
        let send = async |recipient, gas_limit| {
            let payload = b"words".as_slice().into();
            let message = OutgoingMessage { to: bridge.id(2), recipient, gas_limit, deadline: 0, payload };
            user.message(&message, U256::ZERO).await.unwrap()
        };
        let refused = send(hostile, 240_000).await;
        // Above what runs within a delivery: it has to be executed, after the other has been tried.
        let behind = send(board, 300_000).await;
        bridge.arrived(behind).await;
        let core = bridge.core();
        let mut reason = String::new();
        for _ in 0..600 {
            let view = core.transaction(refused).await.unwrap();
            reason = view.messages.first().map(|message| message.reason.clone()).unwrap_or_default();
            if reason.contains("last: ") {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(reason.contains("ExecutionFailed: a  b"), "{reason}");
        // Once it does not revert, its message is executed.
        let code = there.code(board).await.unwrap();
        bridge.devnet.chains[2].rpc("anvil_setCode", json!([hostile, code])).await.unwrap();
        bridge.arrived(refused).await;
    });
}

#[test]
fn the_demo_succeeds() {
    with_bridge(async |bridge| Demo::new(&bridge.devnet, |_: &str| {}).unwrap().run().await.unwrap());
}

#[test]
fn both_cores_tell_the_same_of_a_transfer() {
    with_bridge(async |bridge| {
        let transaction = bridge.deposit(0, 1, 1).await;
        bridge.arrived(transaction).await;
        for url in &bridge.devnet.core_urls {
            let view = CoreClient::new(url.clone()).unwrap().transaction(transaction).await.unwrap();
            assert!(view.messages[0].state.has_arrived());
            assert!(view.messages[0].delivery_transaction.is_some());
        }
        bridge.audit().await;
    });
}
