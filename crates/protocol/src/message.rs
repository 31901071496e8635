//! The encoded message, whose keccak256 is the leaf. The layout is in `contracts/src/libraries/MessageLib.sol`.

use alloy_primitives::{B256, Bytes, keccak256};

/// Bytes before the payload.
pub const HEADER_LENGTH: usize = 85;
/// Most bytes of payload of an application's message.
pub const MAX_PAYLOAD_LENGTH: usize = 10_240;
/// A refund carries the message's id before its payload.
const MAX_REFUND_LENGTH: usize = MAX_PAYLOAD_LENGTH + 32;

/// A call with at most this gas limit runs within its delivery; one above waits for `execute`.
pub const INLINE_GAS: u32 = 250_000;
/// Most gas that a message may ask for: with what surrounds it, it must fit one transaction (EIP-7825).
pub const MAX_GAS_LIMIT: u32 = 15_000_000;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An application's message.
    Call = 1,
    /// An expired message on its way back: sender and recipient changed round, payload: its id and payload. Only
    /// gateways create it.
    Refund = 2,
    /// Reserved: a proof of a false checkpoint. Only gateways create it.
    Evidence = 3,
}

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than the header.
    #[error("message of {0} bytes is shorter than its header of {HEADER_LENGTH}")]
    TooShort(usize),
    /// Longer than header and longest payload.
    #[error("payload of {0} bytes is longer than {MAX_PAYLOAD_LENGTH}")]
    TooLong(usize),
    /// The first byte names no kind.
    #[error("message kind {0} is unknown")]
    UnknownKind(u8),
}

/// A message of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// From 1, without gaps within a lane.
    pub nonce: u64,
    /// UNIX seconds at the destination; 0 = none.
    pub deadline: u64,
    /// Gas for the call at the destination.
    pub gas_limit: u32,
    /// Sending account at the source.
    pub sender: B256,
    /// Receiving contract at the destination.
    pub recipient: B256,
    /// At most [`MAX_PAYLOAD_LENGTH`] bytes.
    pub payload: Bytes,
}

impl Message {
    /// The leaf's preimage.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LENGTH + self.payload.len());
        out.push(self.kind as u8);
        out.extend_from_slice(&self.nonce.to_be_bytes());
        out.extend_from_slice(&self.deadline.to_be_bytes());
        out.extend_from_slice(&self.gas_limit.to_be_bytes());
        out.extend_from_slice(self.sender.as_slice());
        out.extend_from_slice(self.recipient.as_slice());
        out.extend_from_slice(&self.payload);
        out
    }

    /// Reads what [`Message::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are no message; never panics.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (header, payload) =
            bytes.split_first_chunk::<HEADER_LENGTH>().ok_or(DecodeError::TooShort(bytes.len()))?;
        let kind = match header[0] {
            1 => Kind::Call,
            2 => Kind::Refund,
            3 => Kind::Evidence,
            other => return Err(DecodeError::UnknownKind(other)),
        };
        if payload.len() > if kind == Kind::Refund { MAX_REFUND_LENGTH } else { MAX_PAYLOAD_LENGTH } {
            return Err(DecodeError::TooLong(payload.len()));
        }
        let number =
            |from: usize, to: usize| header[from..to].iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        Ok(Self {
            kind,
            nonce: number(1, 9),
            deadline: number(9, 17),
            gas_limit: u32::from_be_bytes([header[17], header[18], header[19], header[20]]),
            sender: B256::from_slice(&header[21..53]),
            recipient: B256::from_slice(&header[53..85]),
            payload: Bytes::copy_from_slice(payload),
        })
    }

    /// `keccak256` of the encoded message.
    pub fn leaf(&self) -> B256 {
        keccak256(self.encode())
    }
}
