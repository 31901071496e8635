//! Endpoints that lie or fail, one file each.

mod add_event;
mod alter_event;
mod behind;
mod cut;
mod drop_event;
mod early_final;
mod enormous;
mod fickle;
mod forged_account_proof;
mod forged_storage_proof;
mod hang;
mod logs;
mod malformed;
mod other_fork;
mod reorder_events;
mod slow;
mod trie;

pub use add_event::AddEvent;
pub use alter_event::AlterEvent;
pub use behind::Behind;
pub use cut::Cut;
pub use drop_event::DropEvent;
pub use early_final::EarlyFinal;
pub use enormous::Enormous;
pub use fickle::Fickle;
pub use forged_account_proof::ForgedAccountProof;
pub use forged_storage_proof::ForgedStorageProof;
pub use hang::Hang;
pub use malformed::Malformed;
pub use other_fork::OtherFork;
pub use reorder_events::ReorderEvents;
pub use slow::Slow;
