//! Simulates a call and submits it with a signer that nobody else uses meanwhile.

use alloy_primitives::B256;
use icc_chain::{Call, Submitter};
use icc_store::Store;

use crate::{
    RelayConfig, RelayError,
    confirm::{self, Sent},
    lease::HeldLease,
};

/// Simulates, submits, and waits for the outcome. `lease` is that of the lane: nothing is submitted once it is lost.
/// Returns the gas used.
pub(crate) async fn send(
    store: &Store,
    submitter: &dyn Submitter,
    config: &RelayConfig,
    call: &Call,
    lease: &HeldLease,
) -> Result<u64, RelayError> {
    let (signer, signer_lease) = acquire_signer(store, submitter, config, &lease.name).await?;
    let gas = submitter.simulate(call, signer).await?;
    let sequence = submitter.next_sequence(signer).await?;
    let sent = Sent { call, signer, sequence, gas };
    confirm::confirm(submitter, &sent, config.replace_after, || {
        if lease.is_lost() {
            return Err(RelayError::LeaseLost(lease.name.clone()));
        }
        if signer_lease.is_lost() {
            return Err(RelayError::LeaseLost(signer_lease.name.clone()));
        }
        Ok(())
    })
    .await
}

/// A free signer of the pool, by a lease that names the lane: one signer key has one owner at a time, also among the
/// lanes of one core.
async fn acquire_signer(
    store: &Store,
    submitter: &dyn Submitter,
    config: &RelayConfig,
    lane: &str,
) -> Result<(B256, HeldLease), RelayError> {
    let owner = format!("{}/{lane}", config.owner);
    for signer in &config.signers {
        let name = format!("signer/{}/{signer}", submitter.chain());
        if let Some(lease) = HeldLease::acquire(store, &name, &owner).await? {
            return Ok((*signer, lease));
        }
    }
    Err(RelayError::NoSigner)
}
