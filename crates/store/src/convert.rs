//! Between the protocol's types and columns.

use alloy_primitives::B256;
use icc_protocol::{ChainId, LaneId};

use crate::StoreError;

pub(crate) fn number(value: u64, what: &str) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::OutOfRange(format!("{what} {value}")))
}

pub(crate) fn chain(chain: ChainId) -> Result<i64, StoreError> {
    number(chain.0, "chain id")
}

pub(crate) fn unsigned(value: i64) -> Result<u64, StoreError> {
    u64::try_from(value).map_err(|_| StoreError::Corrupt(format!("{value} is negative")))
}

pub(crate) fn chain_id(value: i64) -> Result<ChainId, StoreError> {
    unsigned(value).map(ChainId)
}

pub(crate) fn hash(bytes: &[u8]) -> Result<B256, StoreError> {
    B256::try_from(bytes).map_err(|_| StoreError::Corrupt(format!("{} bytes are no hash", bytes.len())))
}

pub(crate) fn lane(bytes: &[u8]) -> Result<LaneId, StoreError> {
    hash(bytes).map(LaneId)
}

/// Words of others for a text column: PostgreSQL takes no zero character, and nobody reads more than 500.
pub(crate) fn words(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_are_bounded_and_can_be_stored() {
        assert_eq!(words("a\0b"), "ab");
        assert_eq!(words(&"\0x".repeat(1000)), "x".repeat(500));
    }
}
