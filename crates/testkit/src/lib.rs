//! Adversaries and faults, one file each, for tests, chaos and benchmarks. Nothing shipped depends on it.
//!
//! A [`Proxy`] stands before a real node. What it answers is decided by a [`Liar`], of which [`liars`] has one for each
//! way that an endpoint can lie or fail.

pub mod bench;
pub mod chaos;
mod liar;
pub mod liars;
pub mod load;
mod node;
mod proxy;

pub use liar::{Call, Honest, Liar, Reply};
pub use node::{Answer, Node};
pub use proxy::Proxy;
