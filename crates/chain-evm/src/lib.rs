//! EVM chains, by alloy's types over the endpoints of `icc-rpc`.

mod account;
pub mod bindings;
mod config;
pub mod deploy;
mod events;
mod evidence;
mod fees;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hub;
mod node;
mod prover;
mod reader;
mod revert;
mod submitter;
pub mod timelock;
mod tokens;
mod transaction;
mod view;
mod voices;
mod witness;

pub use account::Account;
pub use config::{ConfigError, EvmChain};
pub use fees::FeePolicy;
pub use hub::EvmHub;
pub use prover::EvmProver;
pub use reader::EvmReader;
pub use submitter::EvmSubmitter;
pub use tokens::{BridgeUser, OutgoingMessage, TokenDeposit, token_id};
pub use transaction::Receipt;
pub use witness::EvmWitness;
