//! Figures of the whole, measured on real chains and a real database; each is run by a command of the repository.

mod backfill;
pub(crate) mod burst;
mod cpu;
mod figures;
mod flood;
mod latency;
mod logs;
mod memory;
mod plot;
mod ponder;
mod report;
mod rig;
mod scaling;
mod stats;
mod throughput;

pub use backfill::{BackfillOptions, BackfillReport, BackfillRun, backfill};
pub use cpu::cpu_seconds;
pub use figures::{Figure, Figures, docs};
pub use latency::Latency;
pub use memory::MemoryLine;
pub use scaling::SizeRun;
pub use stats::Spread;
pub use throughput::{Shape, Trial};
