//! Faults under load, each followed by the same audit, read from the chains. One file per family of faults.

mod callers;
mod clocks;
mod journal;
mod kills;
mod machine;
mod postgres;
mod reorgs;
mod runner;
mod scenario;
mod transactions;

pub use machine::resident_bytes;
pub use runner::{Outcome, Settings, run};
pub use scenario::{Scale, Scenario, World};

/// All scenarios, in the order in which `make chaos` runs them.
pub fn all() -> Vec<Box<dyn Scenario>> {
    vec![
        Box::new(kills::KillNine),
        Box::new(postgres::Killed),
        Box::new(postgres::Paused),
        Box::new(postgres::OldCopy),
        Box::new(postgres::FullDisk),
        Box::new(journal::FullDisk),
        Box::new(journal::Cut),
        Box::new(journal::OldCopy),
        Box::new(clocks::Database),
        Box::new(callers::Callers),
        Box::new(reorgs::Reorgs),
        Box::new(transactions::Transactions),
        Box::new(clocks::Chains),
    ]
}
