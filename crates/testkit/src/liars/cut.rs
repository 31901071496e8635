//! Cuts in the middle.

use async_trait::async_trait;

use crate::{Call, Liar, Node, Reply};

/// Ends the connection in the middle of every body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cut;

#[async_trait]
impl Liar for Cut {
    async fn reply(&self, _: &Call, _: &Node) -> eyre::Result<Reply> {
        Ok(Reply::Cut)
    }
}
