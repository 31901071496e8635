//! What any chain family offers to the bridge. Nothing here is particular to the EVM: a chain has blocks with
//! hashes, a finality, gateway events, an accumulator that can be proved, and a way to submit calls.

mod block;
mod error;
mod event;
mod hub;
mod read;
mod submit;
mod trust;
mod witness;

pub use block::{Block, BlockRef, Finality, FinalityParseError};
pub use error::{ChainError, Class};
pub use event::{Event, EventAt, LaneEnded, LaneOpened, LocatedEvent, QueueEnd, Queued, SentMessage};
pub use hub::{Epoch, EpochProgress, Hub, HubProver, ProvedEpoch, Registration, Standing};
pub use read::{AgreedFinal, ChainReader, HeadHints, ProvedOutbox, ProvedOutboxes, Prover};
pub use submit::{
    Call, Delivery, FalseCheckpoint, GasPrice, Outcome, QueuedCall, RemoteEnd, Spent, Submission, Submitter,
};
pub use trust::{HashedHeader, QuorumBlock, UnanimousFinal};
pub use witness::Witness;
