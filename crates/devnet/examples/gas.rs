//! Prints the gas table of docs/gas.md: `make gas`. With `--check`, fails if a figure is more than 1 % above the table's.
#![allow(clippy::print_stdout)]

use std::{fs, path::Path};

use eyre::{OptionExt, ensure};
use icc_devnet::GasRow;

/// Must and aim, in the order of the rows measured; see docs/gas.md.
const BOUNDS: [(u64, u64); 6] = [
    (42_000, 36_300),
    (107_000, 97_000),
    (18_000, 15_000),
    (9_000, 6_000),
    (78_000, 55_000),
    (135_000, 114_000),
];

fn main() -> eyre::Result<()> {
    let icc = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debug/icc").canonicalize()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let rows = runtime.block_on(icc_devnet::measure_gas(&icc))?;
    if std::env::args().any(|argument| argument == "--check") {
        return check(&rows);
    }
    println!("| gasUsed | measured | must | aim |\n|---|---:|---:|---:|");
    for (index, row) in rows.iter().enumerate() {
        match BOUNDS.get(index) {
            Some((must, aim)) => println!("| {} | {} | {must} | {aim} |", row.what, row.gas),
            None => println!("| {} | {} | | |", row.what, row.gas),
        }
    }
    Ok(())
}

/// Compares with the committed table, row by row.
fn check(rows: &[GasRow]) -> eyre::Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/gas.md");
    let table = fs::read_to_string(file)?;
    for row in rows {
        let line =
            table.lines().find(|line| line.split('|').nth(1).is_some_and(|what| what.trim() == row.what));
        let line = line.ok_or_eyre(format!("docs/gas.md has no row for {:?}; run: make gas", row.what))?;
        let kept: u64 = line.split('|').nth(2).unwrap_or_default().trim().parse()?;
        println!("{}: {} (docs/gas.md: {kept})", row.what, row.gas);
        ensure!(
            row.gas * 100 <= kept * 101,
            "{} takes {} gas, more than 1 % above the {kept} of docs/gas.md",
            row.what,
            row.gas
        );
    }
    Ok(())
}
