//! Backfill of 100,000 messages, ours and ponder's: `cargo run -p icc-testkit --example backfill -- [messages]
//! [messages per block] [runs]`. Build `icc` first, and run `npm ci` in `bench/ponder`. `ICC_BIN` names another binary
//! than `target/debug/icc`; with `ICC_NO_PONDER` set, only ours is measured.
#![allow(clippy::print_stdout)]

use std::{
    env,
    path::{Path, PathBuf},
};

use icc_testkit::bench::{BackfillOptions, backfill};

fn main() -> eyre::Result<()> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debug/icc");
    let icc = env::var_os("ICC_BIN").map_or(built, PathBuf::from).canonicalize()?;
    let mut options = BackfillOptions::new(icc);
    let mut arguments = env::args().skip(1);
    if let Some(messages) = arguments.next() {
        options.messages = messages.parse()?;
    }
    if let Some(per_block) = arguments.next() {
        options.per_block = per_block.parse()?;
    }
    if let Some(runs) = arguments.next() {
        options.runs = runs.parse()?;
    }
    options.ponder = env::var_os("ICC_NO_PONDER").is_none();
    options.folder = env::var_os("ICC_TEST_FOLDER").map(PathBuf::from);
    let report = tokio::runtime::Runtime::new()?.block_on(backfill(&options, |step| eprintln!("{step}")))?;
    println!("{report}");
    Ok(())
}
