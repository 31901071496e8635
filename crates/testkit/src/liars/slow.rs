//! Answers slowly.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Call, Liar, Node, Reply};

/// Tells the truth, late.
#[derive(Debug, Clone, Copy)]
pub struct Slow {
    /// How late.
    pub delay: Duration,
}

#[async_trait]
impl Liar for Slow {
    async fn reply(&self, _: &Call, _: &Node) -> eyre::Result<Reply> {
        Ok(Reply::Late(self.delay))
    }
}
