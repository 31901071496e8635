//! Signs two accumulators of one nonce.

use alloy_primitives::B256;
use icc_attest::{Attestation, Evidence};
use icc_devnet::Devnet;

use super::{Traitor, lane, tell};

/// Tells each of two cores another word about a message that is not sent yet.
///
/// # Errors
/// If a core cannot be told.
pub async fn equivocate(devnet: &Devnet, traitor: &Traitor, from: usize, to: usize) -> eyre::Result<()> {
    for (core, word) in words(devnet, traitor, from, to).await?.into_iter().enumerate() {
        tell(devnet, core % devnet.core_urls.len(), vec![word]).await?;
    }
    Ok(())
}

/// The same, told to nobody: what whoever has come by both words makes of them.
///
/// # Errors
/// If the chain cannot be read.
pub async fn equivocation(
    devnet: &Devnet,
    traitor: &Traitor,
    from: usize,
    to: usize,
) -> eyre::Result<Evidence> {
    let [one, other] = words(devnet, traitor, from, to).await?;
    Ok(Evidence::Equivocation { network: devnet.network, one, other })
}

async fn words(devnet: &Devnet, traitor: &Traitor, from: usize, to: usize) -> eyre::Result<[Attestation; 2]> {
    let (lane, sent) = lane(devnet, from, to).await?;
    let word = |fill| traitor.attestation(lane.id(), sent + 1000, B256::repeat_byte(fill));
    Ok([word(1)?, word(2)?])
}
