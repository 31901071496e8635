//! Tests of the whole bridge: real chains, a real database, real processes. They share one devnet and take turns on it.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod chaos;
mod cli;
mod crashes;
mod devnet;
mod evidence;
mod money;
mod reindex;
mod reorgs;
mod rpc_quorum;
mod shared;
mod tidy;
mod transfers;
