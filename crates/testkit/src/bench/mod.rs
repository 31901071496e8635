//! Figures of the whole, measured on real chains and a real database; each is run by a command of the repository.

mod backfill;
mod burst;
mod cpu;
mod ponder;

pub use backfill::{BackfillOptions, BackfillReport, BackfillRun, backfill};
pub use cpu::cpu_seconds;
