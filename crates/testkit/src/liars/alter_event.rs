//! Alters an event.

use alloy_primitives::{Address, B256};
use async_trait::async_trait;
use icc_protocol::TokenPayload;

use super::logs;
use crate::{Call, Liar, Node, Reply};

/// Where a transfer's amount and recipient are in a token bridge's payload.
const AMOUNT: std::ops::Range<usize> = 33..49;
const RECIPIENT: std::ops::Range<usize> = 49..81;

/// Makes every transfer a thousand times as much, and to somebody else; another message's payload gets another byte.
#[derive(Debug, Clone, Copy)]
pub struct AlterEvent {
    /// To whom.
    pub thief: Address,
}

#[async_trait]
impl Liar for AlterEvent {
    async fn reply(&self, call: &Call, node: &Node) -> eyre::Result<Reply> {
        let Some(mut told) = logs::told(call, node).await? else { return Ok(Reply::Honest) };
        let messages = logs::messages(&told);
        if messages.is_empty() {
            return Ok(Reply::Honest);
        }
        for mut found in messages {
            found.message.payload = self.stolen(&found.message.payload).into();
            logs::write(&mut told[found.at], &found.sent, &found.message);
        }
        Ok(Reply::Altered(Ok(told)))
    }
}

impl AlterEvent {
    fn stolen(&self, payload: &[u8]) -> Vec<u8> {
        let mut altered = payload.to_vec();
        match TokenPayload::decode(payload).as_ref().and_then(TokenPayload::transfer) {
            Some(transfer) => {
                let recipient: B256 = self.thief.into_word();
                altered[AMOUNT].copy_from_slice(&transfer.amount.saturating_mul(1000).to_be_bytes());
                altered[RECIPIENT].copy_from_slice(recipient.as_slice());
            }
            None => altered.push(1),
        }
        altered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_is_stolen_and_stays_well_formed() {
        let thief = Address::repeat_byte(7);
        let mut payload = vec![1u8];
        payload.extend([2; 32]);
        payload.extend(5u128.to_be_bytes());
        payload.extend([3; 64]);
        let before = TokenPayload::decode(&payload).unwrap();
        let after = TokenPayload::decode(&AlterEvent { thief }.stolen(&payload)).unwrap();
        let (before, after) = (before.transfer().unwrap(), after.transfer().unwrap());
        assert_eq!((after.amount, after.to), (5000, thief.into_word()));
        assert_eq!((after.token_id, after.refund_to), (before.token_id, before.refund_to));
    }
}
