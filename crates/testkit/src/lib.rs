//! Adversaries and faults, one file each, for tests, chaos and benchmarks. Nothing shipped depends on it.

pub mod bench;
pub mod chaos;
pub mod front_runner;
pub mod load;
pub mod mempool;
pub mod reorgs;
pub mod scene;
pub mod transactions;
