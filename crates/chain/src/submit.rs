//! Writing to a chain.

use alloy_primitives::{Address, B256, Bytes};
use async_trait::async_trait;
use icc_protocol::{ChainId, Checkpoint, CompactSignature, EpochRecord, LaneId};

use crate::{ChainError, Epoch};

/// The far end of a lane, as the gateway wants it named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteEnd {
    /// Its chain.
    pub chain: ChainId,
    /// Its gateway.
    pub gateway: B256,
    /// The lane's generation.
    pub generation: u32,
}

/// A batch under one signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The lane's source.
    pub source: RemoteEnd,
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// Bitmap and signatures.
    pub signatures: Bytes,
    /// The accumulator before the first message.
    pub start_accumulator: B256,
    /// Encoded messages.
    pub messages: Vec<Bytes>,
    /// Leaves from the last message to the checkpoint.
    pub tail: Vec<B256>,
}

/// The call attached to a transfer that waited; `None` if there is none.
pub type QueuedCall = Option<(B256, ChainId, Bytes)>;

/// What gas at a destination costs, in the source's coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GasPrice {
    /// In 2^-16 wei per gas; zero: delivery is free.
    pub price: u128,
    /// Gas of a delivery besides the message's own limit.
    pub overhead_gas: u32,
    /// When it was set, UNIX seconds by the source chain.
    pub set_at: u64,
}

/// What the relay asks of a gateway or token bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Extend an inbox.
    Deliver(Box<Delivery>),
    /// Run a recorded message.
    Execute {
        /// The lane's source.
        source: RemoteEnd,
        /// The encoded message.
        message: Bytes,
    },
    /// Refund a recorded message past its deadline.
    Expire {
        /// The lane's source.
        source: RemoteEnd,
        /// The encoded message.
        message: Bytes,
    },
    /// Pay out the head of a token's queue.
    Release {
        /// Which token.
        token_id: B256,
        /// What the queue's entry commits to; empty without an attached call.
        call: QueuedCall,
    },
    /// Say what gas at a destination costs.
    SetPrice {
        /// The destination.
        chain: ChainId,
        /// The price.
        price: GasPrice,
    },
    /// Replace the gateway's validator set by the next epoch's.
    Rotate(Box<Epoch>),
    /// Report to the registry which epoch the gateway holds.
    ReportEpoch {
        /// Which.
        epoch: u64,
    },
    /// On the hub: make the next epoch.
    MakeEpoch,
    /// On the hub: post what a quorum signed of an epoch.
    PostSignatures {
        /// Which epoch.
        epoch: u64,
        /// Bitmap and signatures.
        signatures: Bytes,
    },
    /// On the hub: put a silent validator out.
    Jail {
        /// Whom.
        validator: Address,
        /// Bitmap and signatures.
        signatures: Bytes,
    },
    /// On the hub: two checkpoints of one lane and nonce by one key.
    ProveEquivocation {
        /// The one.
        one: (Checkpoint, CompactSignature),
        /// The other.
        other: (Checkpoint, CompactSignature),
        /// Who gets the reporter's share.
        reporter: Address,
    },
    /// On the hub: a signed set that is not its epoch's.
    ProveFalseSet {
        /// What was signed.
        record: EpochRecord,
        /// The signature.
        signature: CompactSignature,
        /// Who gets the reporter's share.
        reporter: Address,
    },
    /// At the source of a lane: a signed checkpoint that the outbox contradicts.
    ReportFalseCheckpoint(Box<FalseCheckpoint>),
}

/// A signed checkpoint that its source's outbox contradicts, and what shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FalseCheckpoint {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// The signature.
    pub signature: CompactSignature,
    /// Who signed.
    pub signer: Address,
    /// Who gets the reporter's share.
    pub reporter: Address,
    /// The lane's far end.
    pub destination: RemoteEnd,
    /// An epoch in whose set the signer is, and its place there.
    pub membership: (u64, u64),
    /// The true accumulator at that nonce; zero if the outbox has none.
    pub accumulator: B256,
    /// The leaves from there to a point that the contract knows.
    pub leaves: Vec<B256>,
}

/// A call as it is to be submitted.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// What to call.
    pub call: &'a Call,
    /// Who pays.
    pub signer: B256,
    /// The signer's sequence number (account nonce).
    pub sequence: u64,
    /// Gas for the whole transaction.
    pub gas: u64,
    /// Each attempt above 0 offers more for the same sequence number, up to the configured cap.
    pub attempt: u32,
}

/// What a transaction took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Gas used.
    pub gas: u64,
    /// Paid for it, in the smallest unit of the chain's coin.
    pub cost: u128,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// In a block, and did what it should.
    Succeeded {
        /// Height.
        block: u64,
        /// What it took.
        spent: Spent,
    },
    /// In a block, and reverted.
    Reverted {
        /// Height.
        block: u64,
    },
}

/// A chain that calls can be submitted to. Signers are named by their address; the keys stay inside.
#[async_trait]
pub trait Submitter: Send + Sync {
    /// Which chain.
    fn chain(&self) -> ChainId;
    /// The accumulator that the gateway has delivered on a lane, at the newest block; zero: closed.
    async fn inbox(&self, lane: LaneId) -> Result<B256, ChainError>;
    /// Runs the call without submitting it, and returns the gas to submit it with.
    async fn simulate(&self, call: &Call, signer: B256) -> Result<u64, ChainError>;
    /// The sequence number (account nonce) that the chain expects next of a signer.
    async fn next_sequence(&self, signer: B256) -> Result<u64, ChainError>;
    /// Signs and submits; returns the transaction.
    async fn submit(&self, submission: &Submission<'_>) -> Result<B256, ChainError>;
    /// What became of a transaction; `None` while it is in no block.
    async fn outcome(&self, transaction: B256) -> Result<Option<Outcome>, ChainError>;
    /// What the chain takes for gas at present, in the smallest unit of its coin.
    async fn gas_cost(&self) -> Result<u128, ChainError>;
    /// What this chain's gateway asks for gas at a destination, and who may update that.
    async fn gas_price_of(&self, destination: ChainId) -> Result<(GasPrice, B256), ChainError>;
    /// The epoch whose set the gateway holds.
    async fn held_epoch(&self) -> Result<u64, ChainError>;
    /// Most gas that one call may take.
    fn gas_limit(&self) -> u64;
}
