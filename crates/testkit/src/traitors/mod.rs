//! Validators that lie, one file each. They have a real key of the set, and sign with it what no honest process would.

mod colluders;
mod equivocator;
mod false_set;
mod flooder;
mod forger;

use std::sync::Arc;

use alloy_primitives::{Address, B256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use eyre::ensure;
use icc_attest::{Attestation, AttestationBatch};
use icc_chain_evm::bindings::Gateway;
use icc_devnet::Devnet;
use icc_protocol::{ChainId, Checkpoint, Domain, Lane, LaneId};

pub use colluders::{deliver_forged, rotate_falsely};
pub use equivocator::{equivocate, equivocation};
pub use false_set::FalseSets;
pub use flooder::{Flood, flood};
pub use forger::{altered, forge};

/// A key of the set, in the wrong hands.
#[derive(Debug, Clone)]
pub struct Traitor {
    key: Arc<PrivateKeySigner>,
    domain: Domain,
}

impl Traitor {
    /// The validator of a number.
    pub fn new(devnet: &Devnet, validator: usize) -> Self {
        Self { key: devnet.validator_keys[validator].clone(), domain: Domain::new(devnet.network) }
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.key.address()
    }

    fn attestation(&self, lane: LaneId, nonce: u64, accumulator: B256) -> eyre::Result<Attestation> {
        let checkpoint = Checkpoint { lane, nonce, accumulator };
        let signature = self.key.sign_hash_sync(&self.domain.checkpoint_digest(&checkpoint))?.into();
        Ok(Attestation { lane, nonce, accumulator, signature })
    }
}

/// The open lane between two chains, and how many messages have left on it.
async fn lane(devnet: &Devnet, from: usize, to: usize) -> eyre::Result<(Lane, u64)> {
    let (account, gateway) = (devnet.account(from)?, devnet.configs[from].gateway);
    let chain = devnet.configs[to].id.0;
    let outbox = account.view(gateway, Gateway::outboxCall { chain }).await?;
    let lane = Lane {
        network: devnet.network,
        source_chain: devnet.configs[from].id,
        source_gateway: gateway.into_word(),
        destination_chain: ChainId(chain),
        destination_gateway: devnet.configs[to].gateway.into_word(),
        generation: outbox.generation,
    };
    Ok((lane, outbox.nonce))
}

/// Tells one core; what it thinks of it is not asked.
async fn tell(devnet: &Devnet, core: usize, attestations: Vec<Attestation>) -> eyre::Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = devnet.core_urls[core].join("v1/attestations")?;
    let response = client.post(url).json(&AttestationBatch { attestations }).send().await?;
    ensure!(response.status().is_success(), "the core answers {}", response.status());
    Ok(())
}
