//! The one binary of the bridge: arguments in, parts wired, run.

mod audit;
mod cli;
mod coins;
mod commands;
mod output;
mod prosecute;
mod reconcile;
mod voices;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::DevnetGuard) {
        icc_devnet::guard_main();
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(code) => code,
        Err(report) => {
            output::error(&report);
            ExitCode::FAILURE
        }
    }
}
