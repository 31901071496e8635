//! Header hashes (Yellow Paper section 4.4; fields by fork as alloy-consensus encodes them).

use alloy_consensus::Header;
use alloy_primitives::B256;

/// A header that is not what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("header hashes to {computed}, not to {claimed}")]
pub struct HeaderError {
    /// What its fields hash to.
    pub computed: B256,
    /// What was claimed.
    pub claimed: B256,
}

/// Recomputes a header's hash from its fields.
///
/// # Errors
/// [`HeaderError`] if it differs from `claimed`.
pub fn verify_header(header: &Header, claimed: B256) -> Result<(), HeaderError> {
    let computed = header.hash_slow();
    if computed == claimed { Ok(()) } else { Err(HeaderError { computed, claimed }) }
}
