//! Identifiers that must not be mixed up.

use std::{fmt, str::FromStr};

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// A text that is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct UnknownForm {
    /// What was given, shortened to 80 characters.
    pub value: String,
    /// What it should have been.
    pub expected: &'static str,
}

impl UnknownForm {
    fn new(value: &str, expected: &'static str) -> Self {
        Self { value: value.chars().take(80).collect(), expected }
    }
}

/// An EIP-155 chain id, or the number assigned to a chain of another family. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(pub u64);

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ChainId {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, UnknownForm> {
        match text.parse() {
            Ok(id) if id > 0 => Ok(Self(id)),
            _ => Err(UnknownForm::new(text, "a chain id (a decimal number from 1 to 2^64-1)")),
        }
    }
}

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub B256);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = UnknownForm;

            fn from_str(text: &str) -> Result<Self, UnknownForm> {
                text.parse().map(Self).map_err(|_| UnknownForm::new(text, $expected))
            }
        }
    };
}

hash_id! {
    /// Names a deployment of the bridge; the same on all its chains. Never zero.
    NetworkId, "a network id (0x and 64 hexadecimal digits)"
}
hash_id! {
    /// The identity of a [`crate::Lane`], which is also its accumulator before the first message.
    LaneId, "a lane id (0x and 64 hexadecimal digits)"
}
