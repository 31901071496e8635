//! Validator sets: strictly ascending addresses, so that a duplicate or a zero cannot occur.

use alloy_primitives::{Address, B256, keccak256};

/// Most members of a set.
pub const MAX_VALIDATORS: usize = 128;

/// ⌊2n/3⌋ + 1 of n validators.
pub const fn quorum(validators: usize) -> usize {
    validators * 2 / 3 + 1
}

/// Why addresses are not a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// No member.
    #[error("a validator set has at least one member")]
    Empty,
    /// Too many members.
    #[error("a validator set has at most {MAX_VALIDATORS} members, not {0}")]
    TooLarge(usize),
    /// Not a multiple of 20 bytes.
    #[error("{0} bytes are no list of 20-byte addresses")]
    Malformed(usize),
    /// Zero, a duplicate, or out of order.
    #[error("member {0} is not above the one before it (zero, duplicate or unsorted)")]
    NotAscending(usize),
}

/// A validator set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatorSet(Vec<Address>);

impl ValidatorSet {
    /// Checks members that are already in order.
    ///
    /// # Errors
    /// [`SetError`] when they are no set.
    pub fn new(members: Vec<Address>) -> Result<Self, SetError> {
        if members.is_empty() {
            return Err(SetError::Empty);
        }
        if members.len() > MAX_VALIDATORS {
            return Err(SetError::TooLarge(members.len()));
        }
        let mut previous = Address::ZERO;
        for (index, member) in members.iter().enumerate() {
            if *member <= previous {
                return Err(SetError::NotAscending(index));
            }
            previous = *member;
        }
        Ok(Self(members))
    }

    /// Reads the packed form (20 bytes a member).
    ///
    /// # Errors
    /// [`SetError`] when the bytes are no set.
    pub fn decode(bytes: &[u8]) -> Result<Self, SetError> {
        let (members, rest) = bytes.as_chunks::<20>();
        if !rest.is_empty() {
            return Err(SetError::Malformed(bytes.len()));
        }
        Self::new(members.iter().map(Address::from).collect())
    }

    /// The packed form.
    pub fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(|member| member.0.0).collect()
    }

    /// `keccak256` of the packed form.
    pub fn hash(&self) -> B256 {
        keccak256(self.encode())
    }

    /// The members, ascending.
    pub fn members(&self) -> &[Address] {
        &self.0
    }

    /// A member's place in the set.
    pub fn position(&self, member: &Address) -> Option<usize> {
        self.0.binary_search(member).ok()
    }

    /// Signatures that a delivery needs.
    pub fn quorum(&self) -> usize {
        quorum(self.0.len())
    }
}
