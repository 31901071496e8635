//! Changes its answer between calls.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

use crate::{Call, Liar, Node, Reply};

/// Tells the truth and another one's lie by turns.
#[derive(Debug)]
pub struct Fickle<L> {
    other: L,
    told: AtomicU64,
}

impl<L: Liar> Fickle<L> {
    /// Every second answer is this one's.
    pub fn new(other: L) -> Self {
        Self { other, told: AtomicU64::new(0) }
    }
}

#[async_trait]
impl<L: Liar> Liar for Fickle<L> {
    async fn reply(&self, call: &Call, node: &Node) -> eyre::Result<Reply> {
        if self.told.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            return Ok(Reply::Honest);
        }
        self.other.reply(call, node).await
    }
}
