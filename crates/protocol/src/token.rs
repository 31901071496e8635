//! What token bridges say to each other. The layout is in `contracts/src/token/TransferCodec.sol`.

use alloy_primitives::{B256, Bytes};

use crate::ChainId;

/// A transfer without what follows it.
const TRANSFER_LENGTH: usize = 113;
/// What precedes the data of an attached call: who calls, and with how much gas.
const CALL_HEADER: usize = 36;

/// A call attached to a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedCall {
    /// Who deposited.
    pub from: B256,
    /// Gas for the call.
    pub gas: u32,
    /// Its data.
    pub data: Bytes,
}

/// Tokens on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Which token.
    pub token_id: B256,
    /// In units of the home token.
    pub amount: u128,
    /// Who receives them.
    pub to: B256,
    /// Who gets them back if they cannot be paid out before the deadline.
    pub refund_to: B256,
    /// What is called once they are credited.
    pub call: Option<AttachedCall>,
}

/// The payload of a message between token bridges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPayload {
    /// From home, or to it.
    Transfer(Transfer),
    /// A token becomes known to another chain.
    Registration {
        /// The token at home.
        home_token: B256,
    },
    /// To home, which passes it on.
    Forward {
        /// What.
        transfer: Transfer,
        /// Where to in the end.
        to_chain: ChainId,
        /// Of the second leg, UNIX seconds; 0: none.
        deadline: u64,
    },
    /// From home, on behalf of another chain.
    Forwarded {
        /// What.
        transfer: Transfer,
        /// Where it was deposited.
        origin: ChainId,
    },
}

impl TokenPayload {
    /// Reads a payload; `None` if it is none of a token bridge. Never panics.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let number = |from: usize| -> Option<u64> {
            Some(u64::from_be_bytes(payload.get(from..from + 8)?.try_into().ok()?))
        };
        Some(match payload.first()? {
            1 => Self::Transfer(transfer(payload, TRANSFER_LENGTH)?),
            2 => Self::Registration { home_token: word(payload, 1)? },
            3 => Self::Forward {
                transfer: transfer(payload, TRANSFER_LENGTH + 16)?,
                to_chain: ChainId(number(TRANSFER_LENGTH)?),
                deadline: number(TRANSFER_LENGTH + 8)?,
            },
            4 => Self::Forwarded {
                transfer: transfer(payload, TRANSFER_LENGTH + 8)?,
                origin: ChainId(number(TRANSFER_LENGTH)?),
            },
            _ => return None,
        })
    }

    /// The transfer, if it is one.
    pub fn transfer(&self) -> Option<&Transfer> {
        match self {
            Self::Transfer(transfer) | Self::Forward { transfer, .. } | Self::Forwarded { transfer, .. } => {
                Some(transfer)
            }
            Self::Registration { .. } => None,
        }
    }
}

fn word(payload: &[u8], at: usize) -> Option<B256> {
    payload.get(at..at + 32).map(B256::from_slice)
}

/// A transfer whose attached call, if there is one, begins at `end`.
fn transfer(payload: &[u8], end: usize) -> Option<Transfer> {
    let rest = payload.get(end..)?;
    let call = if rest.is_empty() {
        None
    } else {
        Some(AttachedCall {
            from: word(rest, 0)?,
            gas: u32::from_be_bytes(rest.get(32..CALL_HEADER)?.try_into().ok()?),
            data: Bytes::copy_from_slice(&rest[CALL_HEADER..]),
        })
    };
    Some(Transfer {
        token_id: word(payload, 1)?,
        amount: u128::from_be_bytes(payload.get(33..49)?.try_into().ok()?),
        to: word(payload, 49)?,
        refund_to: word(payload, 81)?,
        call,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(kind: u8) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend([1; 32]);
        bytes.extend(7u128.to_be_bytes());
        bytes.extend([2; 32]);
        bytes.extend([3; 32]);
        bytes
    }

    #[test]
    fn reads_all_kinds() {
        let plain = TokenPayload::decode(&head(1)).unwrap();
        let transfer = plain.transfer().unwrap();
        assert_eq!((transfer.amount, transfer.call.as_ref()), (7, None));
        assert_eq!((transfer.to, transfer.refund_to), (B256::repeat_byte(2), B256::repeat_byte(3)));

        let mut forward = head(3);
        forward.extend(9u64.to_be_bytes());
        forward.extend(11u64.to_be_bytes());
        forward.extend([4; 32]);
        forward.extend(5u32.to_be_bytes());
        forward.extend(b"data");
        let Some(TokenPayload::Forward { transfer, to_chain, deadline }) = TokenPayload::decode(&forward)
        else {
            panic!("a forward");
        };
        assert_eq!((to_chain, deadline), (ChainId(9), 11));
        let call = AttachedCall { from: B256::repeat_byte(4), gas: 5, data: Bytes::from_static(b"data") };
        assert_eq!(transfer.call, Some(call));
    }

    #[test]
    fn anything_shorter_is_refused_and_nothing_panics() {
        for kind in 0..6 {
            let mut bytes = head(kind);
            bytes.extend([0; 60]);
            for length in 0..bytes.len() {
                let read = TokenPayload::decode(&bytes[..length]);
                assert!(
                    read.is_none() || length >= if kind == 2 { 33 } else { TRANSFER_LENGTH },
                    "{kind} {length}"
                );
            }
        }
        assert_eq!(TokenPayload::decode(&[]), None);
    }
}
