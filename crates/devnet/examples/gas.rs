//! Prints the gas table of docs/gas.md: `make gas`.
#![allow(clippy::print_stdout)]

use std::path::Path;

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
    println!("| gasUsed | measured | must | aim |\n|---|---:|---:|---:|");
    for (index, row) in rows.iter().enumerate() {
        match BOUNDS.get(index) {
            Some((must, aim)) => println!("| {} | {} | {must} | {aim} |", row.what, row.gas),
            None => println!("| {} | {} | | |", row.what, row.gas),
        }
    }
    Ok(())
}
