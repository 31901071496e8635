//! A validator: for each chain it watches the outboxes through endpoints of its own, proves them, writes what it is
//! about to sign into its journal, signs, and publishes. It knows no database and trusts no core.
//!
//! One stage a file: [`watch`] finds what is final and signs it, [`trust`] says by types what may be signed, [`ancestry`]
//! walks from a final block to its ancestors, [`prepared`] keeps what was proved before it was final, [`told`] asks
//! endpoints for events and has them folded to where [`outbox`] says that they must lead, [`peers`] asks other validators
//! when endpoints are not of one mind and [`words`] answers them, [`journal`] decides what may be signed, [`sign`] signs it,
//! [`publish`] hands it out, [`ingress`] serves it, [`backlog`] signs older sign points on request; [`sets`] follows and
//! signs the sets of epochs, [`duty`] looks whether the others do the same, [`tower`] keeps what contradicts.

mod alarm;
mod ancestry;
mod backlog;
mod duty;
mod fetch;
mod ingress;
mod journal;
mod outbox;
mod peers;
mod prepared;
mod publish;
mod recover;
mod sets;
mod sign;
mod told;
mod tower;
pub mod trust;
mod watch;
mod words;

pub use backlog::{Backlog, BacklogError};
pub use duty::{Duty, DutyConfig, Roll};
pub use ingress::router;
pub use journal::{Journal, JournalError, SignError};
pub use outbox::{ChainState, Folded, LaneDoubt, LaneState, Resume, resume};
pub use peers::{AskPeers, Peer, Peers};
pub use publish::{Publisher, publish};
pub use recover::{RecoverError, confirm, recover};
pub use sets::{FirstTrust, SetError, SetWatcher};
pub use sign::Attestor;
pub use trust::{FinalHead, SignableBlock, SignableCheckpoints, SignableSet, VouchedFinal};
pub use watch::{Doubts, WatchConfig, WatchError, Watcher};
