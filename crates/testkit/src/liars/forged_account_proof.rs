//! Forges an account proof.

use async_trait::async_trait;

use super::trie;
use crate::{Call, Liar, Node, Reply};

/// Proves another accumulator with everything right for it: its path, the account's storage root, the account's path.
/// Only the state root that it all leads to is not the header's.
#[derive(Debug, Clone, Copy, Default)]
pub struct ForgedAccountProof;

#[async_trait]
impl Liar for ForgedAccountProof {
    async fn reply(&self, call: &Call, node: &Node) -> eyre::Result<Reply> {
        if call.method != "eth_getProof" {
            return Ok(Reply::Honest);
        }
        let Ok(mut proof) = node.answer(call).await? else { return Ok(Reply::Honest) };
        let forged = trie::alter_slot(&mut proof).and_then(|root| trie::alter_account(&mut proof, root));
        Ok(if forged.is_some() { Reply::Altered(Ok(proof)) } else { Reply::Honest })
    }
}
