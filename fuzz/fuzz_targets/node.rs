//! What a node answers: JSON-RPC, headers, logs, storage proofs, revert data. The first byte chooses.
#![no_main]

use std::{sync::LazyLock, time::Duration};

use alloy_primitives::{
    Address, B256, Bytes, Log as PrimitiveLog, LogData, U256, address, aliases::U40, hex, keccak256,
};
use alloy_rpc_types_eth::{Block, EIP1186AccountProofResponse, Log};
use alloy_sol_types::{SolError, SolEvent};
use icc_chain::{ChainError, Event, EventAt, LocatedEvent, QueueEnd};
use icc_chain_evm::{
    bindings::{Gateway, TokenBridge},
    fuzzing,
};
use icc_evm_proof::{StorageClaim, verify_storage};
use icc_protocol::FollowUp;
use icc_rpc::{Endpoint, EndpointError, read_answer};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const GATEWAY: Address = address!("00000000000000000000000000000000000000aa");
const BRIDGE: Address = address!("00000000000000000000000000000000000000bb");
/// Most characters of what is told about a refusal.
const LONGEST_REASON: usize = 300;

/// Never called; its name is in errors.
static ENDPOINT: LazyLock<Endpoint> = LazyLock::new(|| {
    icc_service::install_tls();
    let url = "http://127.0.0.1:1".parse().expect("a URL");
    Endpoint::new(url, Duration::from_secs(1)).expect("an endpoint")
});

/// A true block as a node tells it; the corpus begins with it.
static BLOCK: LazyLock<Block> =
    LazyLock::new(|| serde_json::from_str(include_str!("../seeds/block.json")).expect("a block"));

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    match choice % 6 {
        0 => answer(bytes),
        1 => header(bytes),
        2 => logs(bytes),
        3 => packed_log(bytes),
        4 => revert(bytes),
        _ => proof(bytes),
    }
});

/// A result is what the body says, a refusal is short enough to be kept.
fn answer(body: &[u8]) {
    let told = serde_json::from_slice::<Value>(body);
    match read_answer::<Value>(body) {
        Ok(result) => {
            let told = told.expect("only JSON is an answer");
            assert_eq!(Some(&result), told.get("result"), "nothing was told");
            assert!(told.get("error").is_none_or(Value::is_null), "a refusal is no result");
        }
        Err(EndpointError::Refused { message, .. }) => is_fit_to_be_told(&message),
        Err(EndpointError::Transport(reason)) => is_fit_to_be_told(&reason),
    }
    if let Err(error) = read_answer::<u64>(body) {
        is_fit_to_be_told(&ENDPOINT.failed(error.clone()).to_string());
        let ChainError::Reverted { reason, .. } = fuzzing::execution_error(&ENDPOINT, error) else { return };
        is_fit_to_be_told(&reason);
    }
}

/// Short, of one line, and nothing that a terminal or a database minds.
fn is_fit_to_be_told(text: &str) {
    assert!(text.chars().count() <= LONGEST_REASON + 64, "{} characters", text.chars().count());
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// One hash is that of one header: whatever is changed in the telling, it is refused or says the same.
fn header(body: &[u8]) {
    let Ok(block) = serde_json::from_slice::<Block>(body) else { return };
    let claimed = block.header.hash;
    let number = block.header.number;
    let Ok((hash, header)) = fuzzing::header(&ENDPOINT, block.clone(), &json!("latest")) else { return };
    assert_eq!(hash, claimed);
    assert_eq!(keccak256(alloy_rlp::encode(&header)), hash);
    if hash == BLOCK.header.hash {
        assert_eq!(header, BLOCK.header.inner, "two headers of one hash");
    }
    let (this, next) = (format!("{number:#x}"), format!("{:#x}", number.wrapping_add(1)));
    assert!(fuzzing::header(&ENDPOINT, block.clone(), &json!(this)).is_ok());
    assert!(fuzzing::header(&ENDPOINT, block, &json!(next)).is_err(), "another height was asked for");
}

fn logs(body: &[u8]) {
    let Ok(logs) = serde_json::from_slice::<Vec<Log>>(body) else { return };
    let told = logs.clone();
    let Ok(events) = fuzzing::events(&ENDPOINT, GATEWAY, BRIDGE, logs) else { return };
    assert_eq!(events.len(), told.len());
    assert!(events.is_sorted_by_key(|event| (event.at.block.number, event.at.log_index)));
    for event in &events {
        let log = told.iter().find(|log| is_at(log, event)).expect("an event is at its log");
        assert!(!log.removed && [GATEWAY, BRIDGE].contains(&log.address()));
    }
}

fn is_at(log: &Log, event: &LocatedEvent) -> bool {
    let EventAt { block, transaction, log_index } = event.at;
    (log.block_number, log.block_hash) == (Some(block.number), Some(block.hash))
        && (log.transaction_hash, log.log_index) == (Some(transaction), Some(log_index))
}

/// A log as bytes: whose, number of topics, topics, data. What is an event says what its log says: written as contracts
/// write it, it has the same topics, is not much longer, and is the same event when it is read again.
fn packed_log(bytes: &[u8]) {
    let Some(([kind, count], rest)) = bytes.split_first_chunk::<2>() else { return };
    let (topics, _) = rest.as_chunks::<32>();
    let mut topics: Vec<B256> = topics.iter().take(usize::from(count % 5)).map(B256::from).collect();
    let data = Bytes::copy_from_slice(&rest[topics.len() * 32..]);
    let address = if kind % 2 == 0 { GATEWAY } else { BRIDGE };
    // The first topic is a hash that no fuzzer finds: its first byte chooses one of those that are followed.
    if let Some(first) = topics.first_mut() {
        *first = signature(first[0]);
    }
    let log = LogData::new_unchecked(topics, data);
    let Ok(event) = told(address, log.clone()) else { return };
    let written = write(&event, &log);
    assert_eq!(written.topics(), log.topics(), "{event:?}");
    // The library reads an offset that points at words that were read already: twice the data at most, not more.
    assert!(written.data.len() <= 2 * log.data.len() + 64, "{event:?}");
    // Word for word, as far as the words are fixed; bytes are anywhere in the data.
    let (fixed, bytes) = match &event {
        Event::Sent(sent) => (0, &sent.message),
        Event::SetRotated { members, .. } => (64, members),
        _ => (written.data.len(), &Bytes::new()),
    };
    assert_eq!(written.data[..fixed], log.data[..fixed], "{event:?}");
    assert!(bytes.is_empty() || log.data.windows(bytes.len()).any(|window| window == bytes), "{event:?}");
    assert_eq!(told(address, written).expect("what was written can be read"), event);
}

/// The event of one log.
fn told(address: Address, data: LogData) -> Result<Event, ChainError> {
    let log = Log {
        inner: PrimitiveLog { address, data },
        block_number: Some(1),
        block_hash: Some(B256::ZERO),
        transaction_hash: Some(B256::ZERO),
        log_index: Some(0),
        ..Log::default()
    };
    let mut events = fuzzing::events(&ENDPOINT, GATEWAY, BRIDGE, vec![log])?;
    assert_eq!(events.len(), 1);
    Ok(events.remove(0).event)
}

fn signature(choice: u8) -> B256 {
    match choice % 15 {
        0 => Gateway::Sent::SIGNATURE_HASH,
        1 => Gateway::Delivered::SIGNATURE_HASH,
        2 => Gateway::Recorded::SIGNATURE_HASH,
        3 => Gateway::Executed::SIGNATURE_HASH,
        4 => Gateway::Expired::SIGNATURE_HASH,
        5 => Gateway::Struck::SIGNATURE_HASH,
        6 => Gateway::LaneOpened::SIGNATURE_HASH,
        7 => Gateway::LaneEnded::SIGNATURE_HASH,
        8 => Gateway::FeePaid::SIGNATURE_HASH,
        9 => Gateway::SetRotated::SIGNATURE_HASH,
        10 => TokenBridge::Forwarded::SIGNATURE_HASH,
        11 => TokenBridge::Returned::SIGNATURE_HASH,
        12 => TokenBridge::TransferQueued::SIGNATURE_HASH,
        13 => TokenBridge::QueueReleased::SIGNATURE_HASH,
        _ => TokenBridge::QueueCancelled::SIGNATURE_HASH,
    }
}

/// An event's log. What the bridge does not keep of a log (the token, the receiver) is taken from the log itself.
fn write(event: &Event, log: &LogData) -> LogData {
    match event {
        Event::Sent(sent) => Gateway::Sent {
            destinationChain: sent.destination.0,
            generation: sent.generation,
            message: sent.message.clone(),
        }
        .encode_log_data(),
        Event::Delivered { lane, from_nonce, to_nonce, accumulator } => Gateway::Delivered {
            lane: lane.0,
            fromNonce: *from_nonce,
            toNonce: *to_nonce,
            accumulator: *accumulator,
        }
        .encode_log_data(),
        Event::Recorded { lane, nonce, id, reason } => {
            Gateway::Recorded { lane: lane.0, nonce: *nonce, id: *id, reason: *reason as u8 }
                .encode_log_data()
        }
        Event::Executed { lane, nonce, id } => {
            Gateway::Executed { lane: lane.0, nonce: *nonce, id: *id }.encode_log_data()
        }
        Event::Expired { lane, nonce, id, refund_nonce } => {
            Gateway::Expired { lane: lane.0, nonce: *nonce, id: *id, refundNonce: *refund_nonce }
                .encode_log_data()
        }
        Event::Struck { id } => Gateway::Struck { id: *id }.encode_log_data(),
        Event::FeePaid { destination, generation, nonce, amount } => Gateway::FeePaid {
            chain: destination.0,
            generation: *generation,
            nonce: *nonce,
            amount: U256::from(*amount),
        }
        .encode_log_data(),
        Event::SetRotated { epoch, set_hash, hub_time, members } => Gateway::SetRotated {
            epoch: *epoch,
            setHash: *set_hash,
            hubTime: *hub_time,
            set: members.clone(),
        }
        .encode_log_data(),
        Event::LaneOpened(opened) => Gateway::LaneOpened {
            chain: opened.remote_chain.0,
            generation: opened.generation,
            gateway: opened.remote_gateway,
            outboundLane: opened.outbound.0,
            inboundLane: opened.inbound.0,
        }
        .encode_log_data(),
        Event::LaneEnded(ended) => Gateway::LaneEnded {
            chain: ended.remote_chain.0,
            generation: ended.generation,
            outboundLane: ended.outbound.0,
            inboundLane: ended.inbound.0,
            outboxNonce: ended.outbox_nonce,
            inbox: ended.inbox,
        }
        .encode_log_data(),
        _ => write_token(event, log),
    }
}

fn write_token(event: &Event, log: &LogData) -> LogData {
    let token = log.topics()[1];
    match event {
        Event::FollowedUp { message_id, why, destination, nonce } => {
            let (id, chain, nonce) = (*message_id, destination.0, *nonce);
            match why {
                FollowUp::Forwarded => {
                    TokenBridge::Forwarded { tokenId: token, id, toChain: chain, nonce }.encode_log_data()
                }
                FollowUp::Returned => {
                    TokenBridge::Returned { tokenId: token, id, toChain: chain, nonce }.encode_log_data()
                }
                FollowUp::Refund => unreachable!("is told by an expiry"),
            }
        }
        Event::Queued(queued) => TokenBridge::TransferQueued {
            tokenId: queued.token_id,
            index: queued.index,
            id: queued.message_id,
            to: Address::from_slice(&log.data[12..32]),
            amount: queued.amount,
            releaseAt: U40::from(queued.release_at),
        }
        .encode_log_data(),
        Event::QueueEnded { token_id, index, end: QueueEnd::Cancelled } => {
            TokenBridge::QueueCancelled { tokenId: *token_id, index: *index }.encode_log_data()
        }
        Event::QueueEnded { token_id, index, end } => TokenBridge::QueueReleased {
            tokenId: *token_id,
            index: *index,
            claimable: *end == QueueEnd::Claimable,
        }
        .encode_log_data(),
        other => unreachable!("{other:?} is written elsewhere"),
    }
}

/// Revert data of any depth and length is put into few words.
fn revert(data: &[u8]) {
    let Some((layers, data)) = data.split_first() else { return };
    let mut data = data.to_vec();
    for _ in 0..*layers {
        data = Gateway::ExecutionFailed { reason: data.into() }.abi_encode();
    }
    let text = hex::encode_prefixed(&data);
    let error = EndpointError::Refused { code: 3, message: "reverted".to_owned(), data: Some(text) };
    match fuzzing::execution_error(&ENDPOINT, error) {
        ChainError::Reverted { reason, data: kept } => {
            is_fit_to_be_told(&reason);
            assert_eq!(kept, data);
            assert!(*layers == 0 || reason.starts_with("ExecutionFailed: ") || data.len() > 1 << 16);
        }
        other => panic!("a revert became {other}"),
    }
}

/// Whatever a node tells as a proof: only what the header's root holds is accepted, and it holds nothing here.
fn proof(body: &[u8]) {
    let Ok(told) = serde_json::from_slice::<EIP1186AccountProofResponse>(body) else { return };
    for slot in &told.storage_proof {
        let claim = StorageClaim { slot: slot.key.as_b256(), value: slot.value };
        assert!(verify_storage(B256::repeat_byte(1), &claim, &slot.proof).is_err());
        if told.storage_hash == alloy_trie::EMPTY_ROOT_HASH {
            assert!(verify_storage(told.storage_hash, &claim, &slot.proof).is_err() || slot.value.is_zero());
        }
    }
}
