//! A validator: for each chain it watches the outboxes through endpoints of its own, proves them, writes what it is
//! about to sign into its journal, signs, and publishes. It knows no database and trusts no core.
//!
//! One stage a file: [`watch`] finds final blocks and the sign points in them, [`fold`] recomputes accumulators from
//! told events, [`journal`] decides what may be signed, [`sign`] signs it, [`publish`] hands it out, [`ingress`]
//! serves it.

mod fold;
mod ingress;
mod journal;
mod publish;
mod recover;
mod sign;
mod watch;

pub use fold::{ChainState, Fold, FoldError, LaneState, Source};
pub use ingress::router;
pub use journal::{Journal, JournalError, SignError};
pub use publish::{Publisher, publish};
pub use recover::{RecoverError, confirm, recover};
pub use sign::Attestor;
pub use watch::{WatchConfig, WatchError, Watcher};
