//! Hangs.

use async_trait::async_trait;

use crate::{Call, Liar, Node, Reply};

/// Takes every question and answers none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hang;

#[async_trait]
impl Liar for Hang {
    async fn reply(&self, _: &Call, _: &Node) -> eyre::Result<Reply> {
        Ok(Reply::Hang)
    }
}
