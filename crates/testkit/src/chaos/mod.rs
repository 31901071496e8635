//! Faults under load, each followed by the same audit, read from the chains. One file per family of faults.

mod audit;
mod kills;
mod runner;
mod scenario;

pub use audit::{audit, messages_sent};
pub use runner::{Outcome, Settings, run};
pub use scenario::{Scale, Scenario, World};

/// All scenarios, in the order in which `make chaos` runs them.
pub fn all() -> Vec<Box<dyn Scenario>> {
    vec![Box::new(kills::KillNine)]
}
