//! What the chains themselves say of the bridge: is every message delivered or refunded exactly once, does every unit
//! have its escrow, has anybody signed two things, was a lease held twice? Facts are read in one part (`read`, `ask`) and
//! judged in another that does no I/O.
//!
//! A ledger keeps of each message what can be wrong with it, not the message. The chains are looked at at one final block
//! each. What has arrived by then has left by then, as only final messages are signed: if a destination is ahead of its
//! source nevertheless, an endpoint of the source lags, and the look is repeated.

mod ask;
mod lanes;
mod ledger;
mod read;
mod report;
mod resent;
mod signers;
mod tokens;

pub(crate) use ask::{ask, client, name};
pub(crate) use lanes::{Answers, Cut, judge};
pub(crate) use ledger::{Bridges, Outbound};
pub(crate) use read::{Source, tokens as tokens_here};
pub(crate) use report::{LeaseLine, Report, Verdict};
pub(crate) use signers::Signed;
