//! Every line of SQL of the project. The chain tables are a view of the chains and can be dropped and indexed again;
//! the others hold what is not on any chain.

mod attestation;
mod audit;
mod batch;
mod chain;
mod convert;
mod events;
mod evidence;
mod execute;
mod halt;
mod lane;
mod late;
mod lease;
mod money;
mod queue;
mod rows;
mod snapshot;
mod status;
mod store;

pub use attestation::{IntakeOutcome, Intaken, StoredAttestation};
pub use audit::{Equivocation, LeaseTerm};
pub use chain::{ApplyError, BlockRow, Cursor, IndexedBlock};
pub use events::{
    DeliveryRow, EventRow, ExecutedRow, LaneOpenedRow, MessageRow, RecordedRow, ValidatorSetRow,
};
pub use evidence::EvidenceRow;
pub use execute::{DueExecution, DueKind};
pub use lane::{LaneBacklog, LaneRow, OpenedRow, QuorumCheckpoint};
pub use lease::Lease;
pub use money::{ExpiredRow, FeePaidRow, FollowUpRow, LaneEndedRow, QueueEndedRow, QueuedRow};
pub use queue::{DueRelease, LaneFees};
pub use status::{ChainStatus, MessageStatus, QueuedStatus, RecordedStatus};
pub use store::{Store, StoreError, Wakeups};
