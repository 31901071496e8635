//! Simulates a call and submits it with a signer that nobody else uses meanwhile.

use alloy_primitives::B256;
use icc_chain::{Call, ChainError, Spent, Submission, Submitter};
use icc_store::Store;

use crate::{RelayConfig, RelayError, confirm::confirm, lease::HeldLease};

/// Submits to one chain.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) store: &'a Store,
    pub(crate) submitter: &'a dyn Submitter,
    pub(crate) config: &'a RelayConfig,
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
        confirm(self.submitter, submission, self.config.replace_after, || {
            match [lease, &signer_lease].iter().find(|lease| lease.is_lost()) {
                Some(lost) => Err(RelayError::LeaseLost(lost.name.clone())),
                None => Ok(()),
            }
        })
        .await
    }
}
