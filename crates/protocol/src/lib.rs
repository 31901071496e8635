//! The protocol without any I/O: what lanes, messages, accumulators, checkpoints and validator sets are, how they are
//! encoded, and what may be signed. The Solidity in `contracts/src/libraries` implements the same formats; the files
//! in `vectors/` hold both to it.

mod accumulator;
mod checkpoint;
mod epoch;
mod fee;
mod final_block;
mod ids;
mod lane;
mod message;
mod signature;
mod token;
mod transfer;
mod validator_set;

pub use accumulator::{fold, fold_all, message_id};
pub use checkpoint::{Checkpoint, Domain, SIGN_INTERVAL, is_sign_point, sign_points};
pub use epoch::{EpochRecord, MAX_SET_AGE_SECONDS};
pub use fee::{CoinPrices, MAX_PRICE, OVERHEAD_GAS, price_step, target_price};
pub use final_block::FinalBlock;
pub use ids::{ChainId, LaneId, NetworkId, UnknownForm};
pub use lane::Lane;
pub use message::{DecodeError, HEADER_LENGTH, INLINE_GAS, Kind, MAX_GAS_LIMIT, MAX_PAYLOAD_LENGTH, Message};
pub use signature::{CompactSignature, PackError, SignatureError, SignatureSet};
pub use token::{AttachedCall, TokenPayload, Transfer};
pub use transfer::{FollowUp, Progress, RecordedReason, TransferState, TransitionError};
pub use validator_set::{MAX_VALIDATORS, SetError, ValidatorSet, quorum};
