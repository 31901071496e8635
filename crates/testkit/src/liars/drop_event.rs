//! Leaves an event out.

use async_trait::async_trait;

use super::logs;
use crate::{Call, Liar, Node, Reply};

/// Conceals the newest message of each answer: what is left has no gap.
#[derive(Debug, Clone, Copy, Default)]
pub struct DropEvent;

#[async_trait]
impl Liar for DropEvent {
    async fn reply(&self, call: &Call, node: &Node) -> eyre::Result<Reply> {
        let Some(mut told) = logs::told(call, node).await? else { return Ok(Reply::Honest) };
        let (Some(last), Some(all)) = (logs::messages(&told).pop(), told.as_array_mut()) else {
            return Ok(Reply::Honest);
        };
        all.remove(last.at);
        Ok(Reply::Altered(Ok(told)))
    }
}
