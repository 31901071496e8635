//! Forges a storage proof.

use async_trait::async_trait;

use super::trie;
use crate::{Call, Liar, Node, Reply};

/// Proves another accumulator: the whole path is right for it, up to a storage root that is not the account's. The
/// account is told as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForgedStorageProof;

#[async_trait]
impl Liar for ForgedStorageProof {
    async fn reply(&self, call: &Call, node: &Node) -> eyre::Result<Reply> {
        if call.method != "eth_getProof" {
            return Ok(Reply::Honest);
        }
        let Ok(mut proof) = node.answer(call).await? else { return Ok(Reply::Honest) };
        Ok(match trie::alter_slot(&mut proof) {
            Some(_) => Reply::Altered(Ok(proof)),
            None => Reply::Honest,
        })
    }
}
