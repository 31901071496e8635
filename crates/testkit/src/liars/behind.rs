//! Is behind.

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{
    Call, Liar, Node, Reply,
    node::{quantity, to_quantity},
};

/// A node that still syncs: nothing of the last `blocks` blocks is there for it, and what is final is as far behind.
#[derive(Debug, Clone, Copy)]
pub struct Behind {
    /// By how many.
    pub blocks: u64,
}

#[async_trait]
impl Liar for Behind {
    async fn reply(&self, call: &Call, node: &Node) -> eyre::Result<Reply> {
        let head = node.height(&json!("latest")).await?.unwrap_or(0).saturating_sub(self.blocks);
        let answer = match call.method.as_str() {
            "eth_blockNumber" => Ok(to_quantity(head)),
            "eth_getLogs" => return self.logs(call, node, head).await,
            "eth_getBlockByNumber" => match self.known(call.param(0), node, head).await? {
                Some(number) => node.answer(&call.with_param(0, number)).await?,
                None => Ok(Value::Null),
            },
            "eth_getProof" => self.state(call, 2, node, head).await?,
            "eth_call" | "eth_getBalance" | "eth_getCode" | "eth_getTransactionCount" => {
                self.state(call, 1, node, head).await?
            }
            _ => return Ok(Reply::Honest),
        };
        Ok(Reply::Altered(answer))
    }
}

impl Behind {
    /// The number of a block that it has.
    async fn known(&self, tag: &Value, node: &Node, head: u64) -> eyre::Result<Option<Value>> {
        let number = match tag.as_str() {
            Some("finalized" | "safe") => {
                node.height(tag).await?.map(|number| number.saturating_sub(self.blocks))
            }
            Some("latest" | "pending") | None => Some(head),
            Some("earliest") => Some(0),
            Some(_) => quantity(tag).filter(|number| *number <= head),
        };
        Ok(number.map(to_quantity))
    }

    /// State at a block that it has, or a refusal as nodes word it.
    async fn state(&self, call: &Call, at: usize, node: &Node, head: u64) -> eyre::Result<crate::Answer> {
        match self.known(call.param(at), node, head).await? {
            Some(number) => node.answer(&call.with_param(at, number)).await,
            None => Ok(Err(json!({"code": -32000, "message": "header not found"}))),
        }
    }

    /// Logs of the blocks that it has.
    async fn logs(&self, call: &Call, node: &Node, head: u64) -> eyre::Result<Reply> {
        let mut filter = call.param(0).clone();
        if filter.get("blockHash").is_some() {
            return Ok(Reply::Honest);
        }
        let from = quantity(&filter["fromBlock"]).unwrap_or(head);
        if from > head {
            return Ok(Reply::Altered(Ok(json!([]))));
        }
        let to = quantity(&filter["toBlock"]).unwrap_or(head).min(head);
        filter["toBlock"] = to_quantity(to);
        Ok(Reply::Altered(node.answer(&call.with_param(0, filter)).await?))
    }
}
