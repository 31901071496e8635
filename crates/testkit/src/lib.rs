//! Adversaries and faults, one file each, for tests, chaos and benchmarks. Nothing shipped depends on it.

pub mod chaos;
pub mod load;
