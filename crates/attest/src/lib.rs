//! Attestations, shared by validator and core. No I/O.

mod compare;
mod evidence;
mod final_word;
mod jail_word;
mod participation;
mod sign_points;
mod signed_set;
mod verify;
mod wire;

pub use compare::{Comparison, compare};
pub use evidence::{Evidence, EvidenceError, Outbox, Proved, SNAPSHOT_INTERVAL};
pub use final_word::FinalWord;
pub use jail_word::JailWord;
pub use participation::{Identity, Participation};
pub use sign_points::SignPointRequest;
pub use signed_set::SignedSet;
pub use verify::{IntakeError, VerifiedAttestation, verify};
pub use wire::{Attestation, AttestationBatch, MAX_BATCH};
