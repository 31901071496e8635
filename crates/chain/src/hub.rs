//! The hub's registry: who the validators are, and the sets of the epochs.

use alloy_primitives::{Address, Bytes};
use async_trait::async_trait;
use icc_protocol::{ChainId, EpochRecord, ValidatorSet};

use crate::{BlockRef, ChainError, Prover};

/// How far the epochs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochProgress {
    /// The newest one made.
    pub newest: u64,
    /// The newest one that a quorum of the one before has signed.
    pub signed: u64,
    /// Whether another is to be made now: somebody comes or goes, or the set grows old.
    pub due: bool,
}

/// An epoch's set, and how gateways are rotated to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// What is signed.
    pub record: EpochRecord,
    /// The members.
    pub set: ValidatorSet,
    /// Bitmap and signatures of a quorum of the epoch before; empty if they are not posted yet.
    pub signatures: Bytes,
}

/// Where a validator stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Never registered, or gone with its bond.
    Unknown,
    /// Bonded; joins once its probation is over.
    Waiting,
    /// In the set.
    Active,
    /// Asked to leave; in the set until an epoch without it is made.
    Leaving,
    /// The others' quorum found it silent.
    Jailed,
    /// Out; the bond is locked for a while.
    Left,
    /// Proved to have lied. For good.
    Convicted,
}

/// A validator by the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its key.
    pub key: Address,
    /// Who gets the bond back; zero if it has not bonded.
    pub payout: Address,
    /// Where it stands.
    pub standing: Standing,
    /// Whether the newest epoch's set has it.
    pub in_set: bool,
    /// UNIX seconds: from when on it may join (waiting) or come back (jailed).
    pub since: u64,
    /// UNIX seconds at which it was out, and the first epoch without it.
    pub out: Option<(u64, u64)>,
    /// Smallest units of the bond's token, or wei.
    pub bond: u128,
    /// Where it serves what it signs.
    pub url: String,
}

/// The registry as a core reads it.
#[async_trait]
pub trait Hub: Send + Sync {
    /// Which chain it is on.
    fn chain(&self) -> ChainId;
    /// How far the epochs are, at the newest block.
    async fn progress(&self) -> Result<EpochProgress, ChainError>;
    /// An epoch.
    async fn epoch(&self, epoch: u64) -> Result<Epoch, ChainError>;
    /// A validator.
    async fn registration(&self, key: Address) -> Result<Registration, ChainError>;
    /// All that wait to join, in order.
    async fn waiting(&self) -> Result<Vec<Address>, ChainError>;
    /// The newest epoch that a chain's gateway is known to hold; `None` for a chain that the registry does not know.
    async fn held_epoch(&self, chain: ChainId) -> Result<Option<u64>, ChainError>;
}

/// An epoch's record, proved in the registry's storage at a block. That does not say that the block is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvedEpoch {
    /// The block.
    pub block: BlockRef,
    /// What the registry has.
    pub record: EpochRecord,
}

/// The registry as a validator reads it: proved, like outboxes.
#[async_trait]
pub trait HubProver: Prover {
    /// An epoch's record in the state of a block; `None` if it had not been made by then.
    async fn prove_epoch(&self, block: BlockRef, epoch: u64) -> Result<Option<ProvedEpoch>, ChainError>;
    /// The newest epoch that a quorum of the one before has signed, in the state of a block.
    async fn prove_signed_epoch(&self, block: BlockRef) -> Result<u64, ChainError>;
    /// The registry as one endpoint tells it; `attempt` chooses which one. Nothing of it is proved.
    fn told_by(&self, attempt: usize) -> Result<Box<dyn Hub>, ChainError>;
}
