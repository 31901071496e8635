//! The core's HTTP. `POST /v1/attestations` takes validators' signatures, `GET /v1/attestations?signer=0x…` gives back
//! what one of them has signed; `GET /v1/transactions/{hash}` and `GET /v1/messages/{lane}/{nonce}` tell where messages
//! are and why; `GET /v1/chains` how far the view of the chains is; `GET /healthz` and `GET /metrics` are for operators.

mod client;
mod collect;
mod funds;
#[cfg(fuzzing)]
pub mod fuzzing;
mod intake;
mod reason;
mod request;
mod routes;
mod throttle;
mod types;
mod validators;
mod view;
mod watchtower;

pub use client::{ClientError, CoreClient};
pub use collect::Collector;
pub use intake::{Intake, IntakeFailure, Origin};

pub use routes::{ApiState, router};
pub use types::{
    ChainView, EvidenceView, IntakeAnswer, MessageView, NextView, Problem, RefusedAttestation,
    TransactionView,
};
pub use validators::{Directory, ValidatorClient, read as read_validators};
pub use watchtower::{Submittable, Watchtower};
