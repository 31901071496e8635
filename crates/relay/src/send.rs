//! Simulates a call and submits it with a signer that nobody else uses meanwhile.

use alloy_primitives::B256;
use icc_chain::{Call, ChainError, Submission, Submitter};
use icc_store::Store;

use crate::{RelayConfig, RelayError, confirm::confirm, lease::HeldLease};

/// Simulates, submits, and waits for the outcome, with the first signer of the pool that is free and can pay. `lease`
/// is that of the lane: nothing is submitted once it is lost. Returns the gas used.
pub(crate) async fn send(
    store: &Store,
    submitter: &dyn Submitter,
    config: &RelayConfig,
    call: &Call,
    lease: &HeldLease,
) -> Result<u64, RelayError> {
    // By a lease that names the lane: one signer key has one owner at a time, also among the lanes of one core.
    let owner = format!("{}/{}", config.owner, lease.name);
    let mut last = RelayError::NoSigner;
    for signer in &config.signers {
        let name = format!("signer/{}/{signer}", submitter.chain());
        let Some(signer_lease) = HeldLease::acquire(store, &name, &owner).await? else { continue };
        match send_with(submitter, config, call, *signer, &[lease, &signer_lease]).await {
            Err(RelayError::Chain(error @ ChainError::InsufficientFunds { .. })) => {
                tracing::error!(%error, "relay signer cannot pay");
                last = error.into();
            }
            sent => return sent,
        }
    }
    Err(last)
}

async fn send_with(
    submitter: &dyn Submitter,
    config: &RelayConfig,
    call: &Call,
    signer: B256,
    leases: &[&HeldLease],
) -> Result<u64, RelayError> {
    let gas = submitter.simulate(call, signer).await?;
    let sequence = submitter.next_sequence(signer).await?;
    let submission = Submission { call, signer, sequence, gas, attempt: 0 };
    confirm(submitter, submission, config.replace_after, || {
        match leases.iter().find(|lease| lease.is_lost()) {
            Some(lost) => Err(RelayError::LeaseLost(lost.name.clone())),
            None => Ok(()),
        }
    })
    .await
}
