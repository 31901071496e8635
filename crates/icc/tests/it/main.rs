//! Tests of the whole bridge: real chains, a real database, real processes. They share one devnet and take turns on it.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod below_final;
mod cancelled;
mod chaos;
mod cli;
mod crashes;
mod devnet;
mod epochs;
mod evidence;
mod finality;
mod hostile_chain;
mod liars;
mod money;
mod placed;
mod private;
mod proxied;
mod reindex;
mod reorgs;
mod rpc_quorum;
mod shared;
mod tidy;
mod transactions;
mod transfers;
mod validators;
