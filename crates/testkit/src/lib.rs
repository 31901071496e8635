//! Adversaries and faults, one file each, for tests, chaos and benchmarks. Nothing shipped depends on it.

pub mod adversary;
mod audit;
pub mod bench;
pub mod chaos;
pub mod emitter;
pub mod front_runner;
mod liar;
pub mod liars;
pub mod load;
pub mod mempool;
mod node;
mod proxy;
pub mod reorgs;
pub mod scene;
pub mod traitors;
pub mod transactions;

pub use audit::{audit, messages_sent};
pub use liar::{Call, Honest, Liar, Reply};
pub use node::{Answer, Node};
pub use proxy::Proxy;
