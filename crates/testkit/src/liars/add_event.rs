//! Adds an event.

use async_trait::async_trait;
use icc_protocol::Message;
use serde_json::{Value, json};

use super::logs;
use crate::{
    Call, Liar, Node, Reply,
    node::{quantity, to_quantity},
};

/// Tells of a message that was never sent: the newest one of a lane once more, under the next nonce, as if its sender
/// had deposited twice. In every answer, whether it has a true message or not.
#[derive(Debug, Clone, Copy, Default)]
pub struct AddEvent;

#[async_trait]
impl Liar for AddEvent {
    async fn reply(&self, call: &Call, node: &Node) -> eyre::Result<Reply> {
        let Some(mut told) = logs::told(call, node).await? else { return Ok(Reply::Honest) };
        let Some(added) = added(call, &told, node).await? else { return Ok(Reply::Honest) };
        if let Some(all) = told.as_array_mut() {
            all.push(added);
        }
        Ok(Reply::Altered(Ok(told)))
    }
}

async fn added(call: &Call, told: &Value, node: &Node) -> eyre::Result<Option<Value>> {
    let filter = call.param(0);
    let tag = filter.get("toBlock").cloned().unwrap_or_else(|| json!("latest"));
    let Some(height) = node.height(&tag).await? else { return Ok(None) };
    let mut before = filter.clone();
    before["fromBlock"] = json!("0x0");
    let before = node.ask("eth_getLogs", json!([before])).await?;
    let Some(last) = logs::messages(&before).pop() else { return Ok(None) };
    let block = node.ask("eth_getBlockByNumber", json!([to_quantity(height), false])).await?;

    let mut log = before[last.at].clone();
    logs::write(&mut log, &last.sent, &Message { nonce: last.message.nonce + 1, ..last.message });
    log["blockNumber"] = block["number"].clone();
    log["blockHash"] = block["hash"].clone();
    // After all that is in the block.
    let places = told.as_array().into_iter().flatten().filter_map(|log| quantity(&log["logIndex"]));
    log["logIndex"] = to_quantity(places.max().map_or(0, |last| last + 1));
    Ok(Some(log))
}
