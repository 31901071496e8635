//! A whole bridge on one machine: real chains (anvil), a real PostgreSQL, contracts, validators, cores and an indexer
//! as real processes. For the demo and for tests; nothing shipped depends on it.

mod anvil;
mod audit;
mod bootstrap;
mod configs;
mod demo;
mod fork;
mod forward;
mod gas;
mod guard;
mod hub;
mod network;
mod ports;
mod postgres;
mod process;
mod tools;

pub use anvil::{Anvil, ChainSpec};
pub use audit::{TokenAudit, audit_token, wait_each_settled, wait_settled};
pub use demo::Demo;
pub use forward::Forwarder;
pub use gas::{GasRow, measure_gas};
pub use guard::guard_main;
pub use hub::{BOND, DEFEAT_SECONDS, EPOCH_SECONDS, JAIL_SECONDS, PROBATION_SECONDS, UNBONDING_SECONDS};
pub use network::{Devnet, DevnetOptions, MIN_DEADLINE_DELAY_SECONDS, RATE_WINDOW_SECONDS, Role};
pub use postgres::Postgres;
pub use process::Managed;
