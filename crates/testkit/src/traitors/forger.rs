//! Signs what the source never said.

use alloy_primitives::B256;
use icc_devnet::Devnet;

use super::{Traitor, lane, tell};

/// Signs a message that never was, far beyond the outbox.
///
/// # Errors
/// If the core cannot be told.
pub async fn forge(devnet: &Devnet, traitor: &Traitor, from: usize, to: usize) -> eyre::Result<()> {
    let (lane, sent) = lane(devnet, from, to).await?;
    tell(devnet, 0, vec![traitor.attestation(lane, sent + 2000, B256::repeat_byte(3))?]).await
}

/// Signs another accumulator where the outbox has long had one.
///
/// # Errors
/// If the core cannot be told.
pub async fn alter(devnet: &Devnet, traitor: &Traitor, from: usize, to: usize) -> eyre::Result<()> {
    let (lane, _) = lane(devnet, from, to).await?;
    tell(devnet, 0, vec![traitor.attestation(lane, 1, B256::repeat_byte(4))?]).await
}
