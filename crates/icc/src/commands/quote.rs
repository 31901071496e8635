//! `icc quote`.

use std::{process::ExitCode, sync::Arc};

use alloy_signer_local::PrivateKeySigner;
use serde::Serialize;

use crate::{
    cli::{QuoteArgs, QuoteWhat},
    commands::route::{Route, coins},
    output,
};

#[derive(Serialize)]
struct Quoted {
    /// Wei of the source's coin.
    fee_wei: String,
    /// The same in whole coins.
    fee: String,
}

pub(crate) async fn run(arguments: QuoteArgs, json: bool) -> eyre::Result<ExitCode> {
    // Views need no funds, and no key of anybody's.
    let nobody = Arc::new(PrivateKeySigner::random());
    let (fee, from) = match arguments.what {
        QuoteWhat::Token { route, transfer } => {
            let route = Route::new(&route, nobody).await?;
            let deposit = route.deposit(&transfer).await?;
            (route.user()?.quote(&deposit).await?, route.account.chain().name.clone())
        }
        QuoteWhat::Message { route, message } => {
            let route = Route::new(&route, nobody).await?;
            let message = route.message(&message).await?;
            (route.sender().quote_message(&message).await?, route.account.chain().name.clone())
        }
    };
    let quoted = Quoted { fee_wei: fee.to_string(), fee: coins(fee) };
    output::result(json, &quoted, &format!("{} coins of {from}", quoted.fee))?;
    Ok(ExitCode::SUCCESS)
}
