//! Signs what the source never said.

use alloy_primitives::B256;
use icc_attest::{Evidence, Outbox};
use icc_devnet::Devnet;

use super::{Traitor, lane, tell};

/// Signs a message that never was, far beyond the outbox.
///
/// # Errors
/// If the core cannot be told.
pub async fn forge(devnet: &Devnet, traitor: &Traitor, from: usize, to: usize) -> eyre::Result<()> {
    let (lane, sent) = lane(devnet, from, to).await?;
    tell(devnet, 0, vec![traitor.attestation(lane.id(), sent + 2000, B256::repeat_byte(3))?]).await
}

/// Signs another accumulator where the outbox has long had one, and tells nobody: what a validator would keep that has
/// been shown it, and knows `accumulator` there.
///
/// # Errors
/// If the chain cannot be read.
pub async fn altered(
    devnet: &Devnet,
    traitor: &Traitor,
    (from, to): (usize, usize),
    accumulator: B256,
) -> eyre::Result<Evidence> {
    let (lane, _) = lane(devnet, from, to).await?;
    let signed = traitor.attestation(lane.id(), 1, B256::repeat_byte(4))?;
    let outbox =
        Outbox { nonce: 1, block: 1, accumulator: Some(accumulator), leaves: Vec::new(), end: accumulator };
    Ok(Evidence::FalseCheckpoint { lane, signed, outbox })
}
