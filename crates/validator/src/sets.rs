//! Signs the sets of new epochs, when they are final on the hub, and keeps the set that this validator trusts.
//!
//! A set is signed if the registry's own storage has it at a block that is final by every endpoint, or vouched for: the same
//! rule as for checkpoints. Which set to believe in follows without any endpoint: a quorum of the trusted set has signed
//! the next one. Only at the very first start there is none; then every endpoint has to agree.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, keccak256};
use icc_chain::{BlockRef, ChainError, HubProver};
use icc_protocol::{Domain, EpochRecord, ValidatorSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{Attestor, JournalError, Peers, SignError};

/// Between two looks at the hub.
const PAUSE: Duration = Duration::from_secs(1);
/// Epochs signed in one look.
const MOST_AT_ONCE: u64 = 16;

/// Why no set is signed at the moment.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// Endpoints disagree, are missing, or told something that does not verify. An abstention.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// No endpoint tells the members that the registry's record commits to. An abstention.
    #[error("no endpoint tells the members of epoch {0} as the registry has them")]
    Untold(u64),
    /// The registry has no such epoch.
    #[error("the registry has no epoch {0} at a final block")]
    NoEpoch(u64),
    /// Not every endpoint calls this final, and too few peers do. An abstention.
    #[error("not all endpoints agree on what is final on the hub, and too few other validators vouch for it")]
    NotVouched,
    /// The journal or the rules forbid it.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl From<JournalError> for SetError {
    fn from(error: JournalError) -> Self {
        Self::Sign(error.into())
    }
}

/// Watches the hub's registry.
pub struct SetWatcher {
    hub: Arc<dyn HubProver>,
    attestor: Attestor,
    peers: Peers,
    /// The epoch to be signed next; zero before the first look.
    next: u64,
}

impl SetWatcher {
    /// Resumes after what the journal has signed.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn new(hub: Arc<dyn HubProver>, attestor: Attestor, peers: Peers) -> Result<Self, JournalError> {
        let next = attestor.newest_set()?.map_or(0, |newest| newest.epoch + 1);
        Ok(Self { hub, attestor, peers, next })
    }

    /// Watches until `shutdown`. What endpoints do is an abstention and never ends it.
    ///
    /// # Errors
    /// Only what must stop the signing of sets: [`SetError::Sign`].
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), SetError> {
        loop {
            let step = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                step = self.step() => step,
            };
            match step {
                Ok(()) => {}
                Err(SetError::Sign(error)) => return Err(error.into()),
                Err(error) => tracing::warn!(chain = %self.hub.chain(), %error, "no set is signed"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = sleep(PAUSE) => {}
            }
        }
    }

    async fn step(&mut self) -> Result<(), SetError> {
        let block = self.final_block().await?;
        if self.next == 0 {
            self.next = self.hub.told_signed_epoch().await?.saturating_add(1);
        }
        for _ in 0..MOST_AT_ONCE {
            let Some(record) = self.hub.prove_epoch(block, self.next).await? else { return Ok(()) };
            let before = self.set_at(block, self.next - 1).await?;
            if before.position(&self.attestor.address()).is_some() {
                self.attestor.attest_set(record).await?;
                tracing::info!(epoch = record.epoch, set = %record.set_hash, "signed a set");
            }
            self.next += 1;
        }
        Ok(())
    }

    /// A block of the hub that is final beyond doubt.
    async fn final_block(&self) -> Result<BlockRef, SetError> {
        let agreed = self.hub.agreed_finalized().await?;
        if let Some(by_all) = agreed.by_all {
            return Ok(by_all);
        }
        self.peers.vouched(self.hub.as_ref(), agreed.by_quorum).await.ok_or(SetError::NotVouched)
    }

    /// The members of an epoch that the registry has at a block.
    async fn set_at(&self, block: BlockRef, epoch: u64) -> Result<ValidatorSet, SetError> {
        let record = self.hub.prove_epoch(block, epoch).await?.ok_or(SetError::NoEpoch(epoch))?;
        for attempt in 0..self.hub.endpoints().len() {
            let Ok(told) = self.hub.told_set(epoch, attempt).await else { continue };
            if keccak256(&told) == record.set_hash
                && let Ok(set) = ValidatorSet::decode(&told)
            {
                return Ok(set);
            }
        }
        Err(SetError::Untold(epoch))
    }
}
