//! Serves another fork.

use async_trait::async_trait;
use url::Url;

use crate::{Call, Liar, Node, Reply};

/// Answers everything from another node, which has another history of the same chain: headers that hash to their hash,
/// logs, and proofs that verify against those headers. Only others can tell that it is not the chain.
#[derive(Debug, Clone)]
pub struct OtherFork {
    fork: Node,
}

impl OtherFork {
    /// The fork at a URL.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn new(fork: Url) -> eyre::Result<Self> {
        Ok(Self { fork: Node::new(fork)? })
    }
}

#[async_trait]
impl Liar for OtherFork {
    async fn reply(&self, call: &Call, _: &Node) -> eyre::Result<Reply> {
        Ok(Reply::Altered(self.fork.answer(call).await?))
    }
}
