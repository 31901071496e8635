//! The JSON of what one validator saw another do.

use serde::{Deserialize, Serialize};

/// What a validator did of what another asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participation {
    /// Looks within the time that counts.
    pub asked: usize,
    /// Those in which it had signed.
    pub answered: usize,
    /// It misses too much of it, for too long.
    pub silent: bool,
}

/// Who serves at a URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its address.
    pub address: String,
    /// The program's version.
    pub version: String,
}
