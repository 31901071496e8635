//! Reorders two events.

use async_trait::async_trait;
use icc_protocol::Message;

use super::logs;
use crate::{Call, Liar, Node, Reply};

/// Tells two messages of a lane in the other order: what they say changes places, while nonces and places in the block
/// go on without a gap. Needs two different messages of one lane in one answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReorderEvents;

#[async_trait]
impl Liar for ReorderEvents {
    async fn reply(&self, call: &Call, node: &Node) -> eyre::Result<Reply> {
        let Some(mut told) = logs::told(call, node).await? else { return Ok(Reply::Honest) };
        let messages = logs::messages(&told);
        let pair = messages.iter().enumerate().find_map(|(index, first)| {
            let differs = |second: &&logs::SentLog| {
                let renumbered = Message { nonce: first.message.nonce, ..second.message.clone() };
                second.lane() == first.lane() && renumbered != first.message
            };
            Some((first, messages[index + 1..].iter().find(differs)?))
        });
        let Some((first, second)) = pair else { return Ok(Reply::Honest) };
        let early = Message { nonce: first.message.nonce, ..second.message.clone() };
        let late = Message { nonce: second.message.nonce, ..first.message.clone() };
        logs::write(&mut told[first.at], &first.sent, &early);
        logs::write(&mut told[second.at], &second.sent, &late);
        Ok(Reply::Altered(Ok(told)))
    }
}
