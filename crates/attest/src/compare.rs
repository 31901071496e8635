//! What was signed against what one holds oneself.

use alloy_primitives::B256;

/// The outcome of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Both are the same.
    Agrees,
    /// One's own view is not that far, or not final there: nothing can be said yet.
    Unknown,
    /// One's own final view differs: either the signer lied, or the chain reverted its finality. Evidence.
    Conflicts {
        /// One's own accumulator.
        own: B256,
    },
}

/// Compares a signed accumulator with one's own final one at the same nonce.
pub fn compare(own_final: Option<B256>, signed: B256) -> Comparison {
    match own_final {
        None => Comparison::Unknown,
        Some(own) if own == signed => Comparison::Agrees,
        Some(own) => Comparison::Conflicts { own },
    }
}
