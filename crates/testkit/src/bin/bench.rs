//! `make bench`: figures of docs/performance.md, measured anew.
#![expect(clippy::print_stdout, reason = "figures are the result")]

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};
use icc_testkit::bench::{Figure, Figures, docs};

/// Measures on devnets, and writes docs/performance.md and its plots.
#[derive(Parser)]
struct Arguments {
    /// What to measure; all, if nothing is named.
    figures: Vec<Figure>,
    /// Runs of each; medians count.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// How long memory is watched.
    #[arg(long, default_value_t = 30)]
    memory_minutes: u64,
    /// The `icc` binary.
    #[arg(long, env = "ICC_BINARY", default_value = "target/release/icc")]
    icc: PathBuf,
    /// Tell figures, and write no file.
    #[arg(long)]
    dry: bool,
}

fn main() -> eyre::Result<()> {
    let arguments = Arguments::parse();
    let figures = Figures {
        icc: arguments.icc.canonicalize()?,
        runs: arguments.runs.max(1),
        memory_for: Duration::from_secs(arguments.memory_minutes * 60),
        docs: (!arguments.dry).then(docs),
    };
    let chosen =
        if arguments.figures.is_empty() { Figure::value_variants().to_vec() } else { arguments.figures };
    let runtime = tokio::runtime::Runtime::new()?;
    for figure in chosen {
        println!("{}\n", runtime.block_on(figures.measure(figure))?);
    }
    Ok(())
}
