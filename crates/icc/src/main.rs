//! The one binary of the bridge: arguments in, parts wired, run.

mod audit;
mod cli;
mod coins;
mod commands;
mod output;
mod private;
mod prosecute;
mod reconcile;
mod voices;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    private::guard(std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !private::is_needed() => error.exit(),
        Err(error) => {
            eprint!("{}", private::hide(&error.render().to_string()));
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
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
