//! Takes what a quorum has signed to its destination. One worker per lane; whichever core holds the lane's lease
//! works, the others stand by. The chain decides what has been done: a worker that dies at any instruction leaves
//! nothing to repair, because the next one begins by reading the inbox.
//!
//! Stages: [`build`] makes a batch of a good size ([`sizing`]), [`send`] simulates and submits it, [`confirm`] waits and
//! offers more. [`execute`] runs and refunds what was recorded; [`chores`] are what a chain needs beside its lanes:
//! [`release`] of queues, [`prices`] of gas, [`epochs`] of validators, [`evidence`] against those that lie.

mod build;
mod chores;
mod confirm;
mod engine;
mod epochs;
mod error;
mod evidence;
mod execute;
mod lease;
mod prices;
mod release;
mod send;
mod sizing;
mod worker;

pub use engine::{AccuserHandle, EpochKeeping, Relay, RelayConfig};
pub use epochs::{Heard, SetVoices};
pub use error::RelayError;
pub use evidence::{Accuser, Charge, is_settled};
pub use prices::{CoinFeed, PriceUpdates};
