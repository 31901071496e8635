//! One file per command.

mod audit;
mod config;
mod core;
mod deploy;
mod devnet;
mod evidence;
mod indexer;
mod keys;
mod lane;
mod quote;
mod registration;
mod registry;
mod route;
mod send;
mod status;
mod token;
mod validator;
mod validators;

use std::process::ExitCode;

use icc_service::{LogFormat, Telemetry};

use crate::cli::{Cli, Command, Logs};

/// Did not arrive in time, or is still waiting.
pub(crate) const PENDING: u8 = 3;

pub(crate) async fn run(cli: Cli) -> eyre::Result<ExitCode> {
    let format = match cli.log_format {
        Logs::Text => LogFormat::Text,
        Logs::Json => LogFormat::Json,
    };
    let serves = matches!(
        cli.command,
        Command::Run(_) | Command::Core(_) | Command::Indexer(_) | Command::Validator(_)
    );
    let telemetry = Telemetry::init(format, if serves { "info" } else { "warn" })?;
    let json = cli.json;
    match cli.command {
        Command::Devnet(arguments) => devnet::run(arguments, json).await,
        Command::Run(arguments) => core::run(arguments, telemetry, true).await,
        Command::Core(arguments) => core::run(arguments, telemetry, false).await,
        Command::Indexer(arguments) => indexer::run(arguments).await,
        Command::Validator(arguments) => match arguments.act {
            Some(act) => registration::act(act, json).await,
            None => validator::run(arguments, telemetry).await,
        },
        Command::Validators(arguments) => validators::run(arguments, json).await,
        Command::Registry(arguments) => registry::run(arguments, json).await,
        Command::Evidence(arguments) => evidence::run(arguments, json).await,
        Command::Send(arguments) => send::run(arguments, json).await,
        Command::Quote(arguments) => quote::run(arguments, json).await,
        Command::Status(arguments) => status::run(arguments, json).await,
        Command::Lane(arguments) => lane::run(arguments, json).await,
        Command::Token(arguments) => token::run(arguments, json).await,
        Command::Audit(arguments) => Ok(audit::run(arguments, json).await),
        Command::Deploy(arguments) => deploy::run(arguments, json).await,
        Command::Config(arguments) => config::run(arguments, json).await,
        Command::Keys(arguments) => keys::run(arguments, json),
        Command::DevnetGuard => Ok(ExitCode::SUCCESS),
    }
}
