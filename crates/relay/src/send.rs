//! Simulates a call and submits it with a signer that nobody else uses meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use alloy_primitives::B256;
use async_trait::async_trait;
use icc_chain::{Call, ChainError, Spent, Submission, Submitter};
use icc_protocol::LaneId;
use icc_store::Store;

use crate::{
    RelayConfig, RelayError,
    confirm::{Principal, confirm},
    lease::HeldLease,
};

/// Submits to one chain.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) store: &'a Store,
    pub(crate) submitter: &'a dyn Submitter,
    pub(crate) config: &'a RelayConfig,
    /// For whom; `None`: a chore of the chain.
    pub(crate) lane: Option<LaneId>,
}

impl Sender<'_> {
    /// Simulates, submits, and waits for the outcome, with the first signer of the pool that is free and can pay.
    /// `lease` is that of the work: nothing is submitted once it is lost. Returns what it took.
    pub(crate) async fn send(&self, call: &Call, lease: &HeldLease) -> Result<Spent, RelayError> {
        let mut last = RelayError::NoSigner;
        for signer in &self.config.signers {
            match self.send_as(*signer, call, lease).await {
                Err(RelayError::NoSigner) => {}
                Err(RelayError::Chain(error @ ChainError::InsufficientFunds { .. })) => {
                    tracing::error!(%error, "relay signer cannot pay");
                    last = error.into();
                }
                sent => return sent,
            }
        }
        Err(last)
    }

    /// The same with one signer alone; [`RelayError::NoSigner`] while it is at other work.
    pub(crate) async fn send_as(
        &self,
        signer: B256,
        call: &Call,
        lease: &HeldLease,
    ) -> Result<Spent, RelayError> {
        // By a lease that names the work: one signer key has one owner at a time, also among the lanes of one core.
        let owner = format!("{}/{}", self.config.owner, lease.name);
        let name = format!("signer/{}/{signer}", self.submitter.chain());
        let signer_lease =
            HeldLease::acquire(self.store, &name, &owner).await?.ok_or(RelayError::NoSigner)?;
        let gas = self.submitter.simulate(call, signer).await?;
        let sequence = self.submitter.next_sequence(signer).await?;
        let submission = Submission { call, signer, sequence, gas, attempt: 0 };
        let work =
            Work { sender: self, leases: [lease, &signer_lease], submission, told: AtomicBool::new(false) };
        let outcome = confirm(self.submitter, submission, self.config.replace_after, &work).await;
        if work.told.load(Ordering::Relaxed) {
            self.note("").await;
        }
        outcome
    }

    /// Says for people why the lane waits; empty: it does no longer.
    pub(crate) async fn note(&self, note: &str) {
        let Some(lane) = self.lane else { return };
        if let Err(error) = self.store.note_relay(lane, note).await {
            tracing::debug!(%error, "note not stored");
        }
    }
}

/// What is being submitted, and by whose leave.
struct Work<'a> {
    sender: &'a Sender<'a>,
    leases: [&'a HeldLease; 2],
    submission: Submission<'a>,
    told: AtomicBool,
}

#[async_trait]
impl Principal for Work<'_> {
    fn may_go_on(&self) -> Result<(), RelayError> {
        match self.leases.iter().find(|lease| lease.is_lost()) {
            Some(lost) => Err(RelayError::LeaseLost(lost.name.clone())),
            None => Ok(()),
        }
    }

    async fn tell(&self, text: String) {
        self.told.store(true, Ordering::Relaxed);
        let (chain, work) = (self.sender.submitter.chain(), &self.leases[0].name);
        let Submission { signer, sequence, .. } = self.submission;
        tracing::warn!(%chain, work, %signer, sequence, "{text}");
        self.sender.note(&text).await;
    }
}
