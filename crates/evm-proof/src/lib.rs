//! Checks of what a node tells about an EVM chain: that a header hashes to its hash, that an account is in its state
//! root, that a slot is in the account's storage root. Nothing here asks anybody anything.

mod header;
mod state;

pub use header::{HeaderError, verify_header};
pub use state::{
    AccountClaim, ProofError, StorageClaim, epoch_progress_slot, epoch_slots, outbox_slots, snapshot_slot,
    verify_account, verify_storage,
};
