//! Blocks and when they are final.

use std::{fmt, str::FromStr};

use alloy_primitives::B256;

/// A block by number and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockRef {
    /// Height.
    pub number: u64,
    /// Hash.
    pub hash: B256,
}

impl fmt::Display for BlockRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:.10})", self.number, self.hash.to_string())
    }
}

/// What the bridge needs of a block's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Number and hash.
    pub at: BlockRef,
    /// Hash of the block before.
    pub parent: B256,
    /// UNIX seconds, by the chain's clock.
    pub timestamp: u64,
    /// False only if the header proves that no gateway event is in the block.
    pub may_have_events: bool,
}

/// When a block of a chain is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Finality {
    /// The chain's own `finalized` tag.
    #[default]
    Finalized,
    /// The chain's `safe` tag.
    Safe,
    /// This many blocks on top of it.
    Confirmations(u64),
}

/// A finality policy that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("finality {0:?} is none of: finalized, safe, a number of confirmations from 1 to 10000")]
pub struct FinalityParseError(pub String);

impl FromStr for Finality {
    type Err = FinalityParseError;

    fn from_str(text: &str) -> Result<Self, FinalityParseError> {
        match text {
            "finalized" => Ok(Self::Finalized),
            "safe" => Ok(Self::Safe),
            number => match number.parse() {
                Ok(depth @ 1..=10_000) => Ok(Self::Confirmations(depth)),
                _ => Err(FinalityParseError(text.chars().take(40).collect())),
            },
        }
    }
}

impl fmt::Display for Finality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finalized => f.write_str("finalized"),
            Self::Safe => f.write_str("safe"),
            Self::Confirmations(depth) => write!(f, "{depth}"),
        }
    }
}
