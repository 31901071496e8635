//! `icc keys`.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, process::ExitCode};

use alloy_primitives::{Address, hex};
use alloy_signer_local::PrivateKeySigner;
use eyre::WrapErr;
use serde::Serialize;

use crate::{
    cli::{KeysArgs, KeysWhat},
    output, private,
};

#[derive(Serialize)]
struct Key {
    address: Address,
}

pub(crate) fn run(arguments: KeysArgs, json: bool) -> eyre::Result<ExitCode> {
    match arguments.what {
        KeysWhat::New { file } => {
            private::refuse_as_path("FILE", &file)?;
            let key = PrivateKeySigner::random();
            let mut new = fs::OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&file)
                .wrap_err_with(|| format!("cannot write {}; it must not exist yet", file.display()))?;
            writeln!(new, "{}", hex::encode_prefixed(key.to_bytes()))?;
            new.sync_all()?;
            output::result(json, &Key { address: key.address() }, &key.address().to_string())?;
        }
        KeysWhat::Address(source) => {
            for signer in source.several()? {
                let address = signer.address();
                output::result(json, &Key { address }, &address.to_string())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
