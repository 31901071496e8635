//! Says `finalized` too early.

use async_trait::async_trait;
use serde_json::json;

use crate::{Call, Liar, Node, Reply};

/// Calls the newest block final and safe. The block is a true one; it can still vanish.
#[derive(Debug, Clone, Copy, Default)]
pub struct EarlyFinal;

#[async_trait]
impl Liar for EarlyFinal {
    async fn reply(&self, call: &Call, node: &Node) -> eyre::Result<Reply> {
        let tag = call.param(0).as_str();
        if call.method != "eth_getBlockByNumber" || !matches!(tag, Some("finalized" | "safe")) {
            return Ok(Reply::Honest);
        }
        Ok(Reply::Altered(node.answer(&call.with_param(0, json!("latest"))).await?))
    }
}
