//! Signs two accumulators of one nonce.

use alloy_primitives::B256;
use icc_devnet::Devnet;

use super::{Traitor, lane, tell};

/// Tells each of two cores another word about a message that is not sent yet.
///
/// # Errors
/// If a core cannot be told.
pub async fn equivocate(devnet: &Devnet, traitor: &Traitor, from: usize, to: usize) -> eyre::Result<()> {
    let (lane, sent) = lane(devnet, from, to).await?;
    for (core, accumulator) in [B256::repeat_byte(1), B256::repeat_byte(2)].into_iter().enumerate() {
        let word = traitor.attestation(lane, sent + 1000, accumulator)?;
        tell(devnet, core % devnet.core_urls.len(), vec![word]).await?;
    }
    Ok(())
}
