//! `icc status`, and following a transfer.

use std::{process::ExitCode, time::Duration};

use alloy_primitives::B256;
use eyre::WrapErr;
use icc_api::{ClientError, CoreClient, MessageView};
use serde::Serialize;

use crate::{
    cli::StatusArgs,
    commands::PENDING,
    output::{self, Talk},
};

/// Where a transaction's messages were when following ended.
#[derive(Debug, Serialize)]
pub(crate) struct Followed {
    pub(crate) arrived: bool,
    pub(crate) messages: Vec<MessageView>,
}

impl Followed {
    fn new(messages: Vec<MessageView>) -> Self {
        let arrived = !messages.is_empty() && messages.iter().all(|message| message.state.has_arrived());
        Self { arrived, messages }
    }

    pub(crate) fn code(&self) -> ExitCode {
        if self.arrived { ExitCode::SUCCESS } else { ExitCode::from(PENDING) }
    }

    pub(crate) fn summary(&self) -> String {
        if self.messages.is_empty() {
            return "has not been seen by the core: is it in a block, and of this bridge?".to_owned();
        }
        let lines = self.messages.iter().map(|m| {
            let funds = m.funds.as_ref().map_or_else(String::new, |funds| format!("\n  {funds}"));
            format!(
                "{} → {}, nonce {}: {:?}: {}{funds}",
                m.source_chain, m.destination_chain, m.nonce, m.state, m.reason
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

pub(crate) async fn run(arguments: StatusArgs, json: bool) -> eyre::Result<ExitCode> {
    let transaction: B256 = arguments
        .transaction
        .parse()
        .wrap_err("transaction: must be a transaction hash (0x and 64 hexadecimal digits)")?;
    let client = CoreClient::new(arguments.core)?;
    let followed = if arguments.follow {
        let talk = Talk::new();
        let followed = follow(&client, transaction, Duration::from_secs(arguments.patience), &talk).await?;
        talk.end();
        followed
    } else {
        Followed::new(client.transaction(transaction).await?.messages)
    };
    let mut summary = followed.summary();
    if followed.messages.is_empty() {
        // It may be on a chain that the core cannot follow.
        for chain in client.chains().await? {
            summary.extend(chain.halted.map(|problem| format!("\n{problem}")));
        }
    }
    output::result(json, &followed, &summary)?;
    Ok(followed.code())
}

/// Follows until everything has arrived or `patience` is over, telling every change.
pub(crate) async fn follow(
    client: &CoreClient,
    transaction: B256,
    patience: Duration,
    talk: &Talk,
) -> eyre::Result<Followed> {
    match client.follow(transaction, patience, |message| talk.message(message)).await {
        Ok(messages) => Ok(Followed::new(messages)),
        // Over time: say where it is.
        Err(ClientError::NotArrived { .. }) => {
            Ok(Followed::new(client.transaction(transaction).await?.messages))
        }
        Err(error) => Err(error.into()),
    }
}
