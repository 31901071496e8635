//! Figures into docs/performance.md: each section between marks of its own, the text around them by hand.

use std::{fs, path::Path, process::Command};

use eyre::{OptionExt, WrapErr, ensure};

/// Replaces what is between `<!-- NAME -->` and `<!-- /NAME -->`.
pub(crate) fn write_section(file: &Path, name: &str, text: &str) -> eyre::Result<()> {
    let page = fs::read_to_string(file).wrap_err_with(|| file.display().to_string())?;
    let (from, to) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let start = page.find(&from).ok_or_eyre(format!("{} has no mark {from}", file.display()))? + from.len();
    let end = page.find(&to).ok_or_eyre(format!("{} has no mark {to}", file.display()))?;
    ensure!(start <= end, "marks of {name} are in the wrong order");
    let page = format!("{}\n{}\n\n{}", &page[..start], text.trim(), &page[end..]);
    fs::write(file, page).wrap_err_with(|| file.display().to_string())
}

/// What figures were measured on.
pub(crate) fn conditions() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    let memory: f64 = memory.unwrap_or(0.0);
    let commit = Command::new("git").args(["rev-parse", "--short=10", "HEAD"]).output();
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!(
        "{cores} cores ({}), {:.0} GB, {} {}; release build of {}; chains: anvil; everything on this one machine.",
        model.trim_start_matches([':', '\t', ' ']),
        memory / 1e6,
        std::env::consts::OS,
        std::env::consts::ARCH,
        commit.unwrap_or_default(),
    )
}
