//! Sends enormous bodies.

use async_trait::async_trait;

use crate::{Call, Liar, Node, Reply};

/// Answers every question with a body of this many bytes, without saying its length before.
#[derive(Debug, Clone, Copy)]
pub struct Enormous {
    /// How many.
    pub bytes: u64,
}

#[async_trait]
impl Liar for Enormous {
    async fn reply(&self, _: &Call, _: &Node) -> eyre::Result<Reply> {
        Ok(Reply::Endless(self.bytes))
    }
}
