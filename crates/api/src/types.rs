//! What the API answers: not the domain's types, so that either can change alone.

use alloy_primitives::{Address, B256};
use icc_protocol::{FollowUp, TransferState};
use serde::{Deserialize, Serialize};

/// An error's body.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Problem {
    /// What was wrong and what to do, naming the field.
    pub error: String,
}

/// A proof of a lie.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EvidenceView {
    /// Who lied.
    pub signer: Address,
    /// Where it is submitted.
    pub chain: u64,
    /// What became of it; absent: it is to be submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// What `icc evidence verify` takes.
    pub evidence: serde_json::Value,
}

/// Where a message is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessageView {
    /// Its lane.
    pub lane: String,
    /// Its nonce in the lane.
    pub nonce: u64,
    /// Chain id of its source.
    pub source_chain: u64,
    /// Chain id of its destination.
    pub destination_chain: u64,
    /// Its state.
    pub state: TransferState,
    /// Why it is at this state and not further, for people.
    pub reason: String,
    /// Where what it carries is, for people; absent if it carries no tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funds: Option<String>,
    /// UNIX seconds after which it is refunded if it has not been executed; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<u64>,
    /// What was paid for its delivery, in wei of the source's coin.
    #[serde(default)]
    pub fee_paid: String,
    /// The message that it led to: the second leg, or what brings the tokens back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextView>,
    /// The transaction that sent it.
    pub source_transaction: B256,
    /// The transaction that delivered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_transaction: Option<B256>,
    /// The transaction that executed it after it was recorded, or sent its refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execute_transaction: Option<B256>,
}

/// A message that another one led to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NextView {
    /// Why.
    pub why: FollowUp,
    /// Where it is.
    pub message: Box<MessageView>,
}

/// The messages of a transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TransactionView {
    /// In the order they were sent; empty while the transaction has not been seen.
    pub messages: Vec<MessageView>,
}

/// How far a chain is indexed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChainView {
    /// Chain id.
    pub chain: u64,
    /// Newest block seen.
    pub head: u64,
    /// Last block indexed.
    pub indexed: u64,
    /// Last final block.
    pub finalized: u64,
    /// Why it cannot be followed any further, until somebody has looked; absent: it is followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<String>,
}

/// An attestation that does not count.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefusedAttestation {
    /// Its place in the request.
    pub index: usize,
    /// Why, naming the field.
    pub error: String,
}

/// What became of a batch of attestations.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct IntakeAnswer {
    /// New ones that count.
    pub accepted: usize,
    /// Known ones.
    pub duplicates: usize,
    /// The others.
    pub refused: Vec<RefusedAttestation>,
}
