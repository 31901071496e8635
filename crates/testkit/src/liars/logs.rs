//! `Sent` logs as a node gives them, read and written.

use alloy_primitives::{B256, Bytes, hex};
use alloy_sol_types::SolEvent;
use icc_chain_evm::bindings::Gateway::Sent;
use icc_protocol::Message;
use serde_json::{Value, json};

use crate::{Call, Node};

/// A message that a log tells of.
pub(super) struct SentLog {
    /// The log's place in the answer.
    pub(super) at: usize,
    /// The event.
    pub(super) sent: Sent,
    /// What it carries.
    pub(super) message: Message,
}

impl SentLog {
    /// The way it goes: one outbox counts its messages.
    pub(super) fn lane(&self) -> (u64, u32) {
        (self.sent.destinationChain, self.sent.generation)
    }
}

/// What the node answers, if the question is for logs and it does.
pub(super) async fn told(call: &Call, node: &Node) -> eyre::Result<Option<Value>> {
    if call.method != "eth_getLogs" {
        return Ok(None);
    }
    Ok(node.answer(call).await?.ok().filter(Value::is_array))
}

/// The messages among logs, in their order.
pub(super) fn messages(logs: &Value) -> Vec<SentLog> {
    let logs = logs.as_array().map(Vec::as_slice).unwrap_or_default();
    logs.iter().enumerate().filter_map(|(at, log)| read(at, log)).collect()
}

fn read(at: usize, log: &Value) -> Option<SentLog> {
    let topics: Vec<B256> = serde_json::from_value(log["topics"].clone()).ok()?;
    if topics.first() != Some(&Sent::SIGNATURE_HASH) {
        return None;
    }
    let data = hex::decode(log["data"].as_str()?).ok()?;
    let sent = Sent::decode_raw_log(topics, &data).ok()?;
    let message = Message::decode(&sent.message).ok()?;
    Some(SentLog { at, sent, message })
}

/// Has a log tell of another message of the same lane.
pub(super) fn write(log: &mut Value, sent: &Sent, message: &Message) {
    let sent = Sent { message: Bytes::from(message.encode()), ..sent.clone() };
    log["data"] = json!(sent.encode_log_data().data);
}
