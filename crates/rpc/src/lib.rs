//! JSON-RPC endpoints of a chain. One [`Endpoint`] is one node; a [`Pool`] is several that stand in for each other
//! (failover: for the core), and [`agree`] compares what several say (agreement: for the validator). Failover never
//! counts as agreement: the two are never mixed.

mod agree;
mod answer;
mod endpoint;
mod heads;
mod notice;
mod pool;

pub use agree::{Answer, agree};
pub use answer::{EndpointError, read_answer};
pub use endpoint::{Endpoint, Transport};
pub use heads::{HeadSource, spawn_head_hints};
pub use notice::{Misdeed, name_endpoint};
pub use pool::Pool;
