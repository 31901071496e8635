//! A validator's watchtower: what another signed against what this one has signed of the same nonce. Both sides are kept
//! as a file, and the cores are told, who prove it on the chain and pay for that.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use alloy_primitives::Address;
use icc_attest::{Attestation, AttestationBatch, Evidence, Outbox};
use icc_protocol::{Checkpoint, Lane, LaneId};
use url::Url;

/// What was signed here, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Own {
    pub(crate) lane: Lane,
    pub(crate) checkpoint: Checkpoint,
    /// The final block up to which the outbox says so.
    pub(crate) block: u64,
}

/// Keeps what contradicts.
pub(crate) struct Tower {
    pub(crate) client: reqwest::Client,
    pub(crate) cores: Vec<Url>,
    pub(crate) folder: PathBuf,
    /// One of each lane is enough.
    pub(crate) kept: Mutex<BTreeSet<(Address, LaneId)>>,
}

impl Tower {
    /// A peer has signed another accumulator of a nonce: whichever of the two the chain bears out, the other is a lie, or
    /// the chain has taken back what was final.
    pub(crate) async fn contradicted(&self, own: &Own, peer: Address, theirs: Attestation) {
        let Checkpoint { lane, nonce, accumulator } = own.checkpoint;
        let new = self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert((peer, lane));
        if !new {
            return;
        }
        metrics::counter!("icc_peer_contradictions_total", "validator" => peer.to_string()).increment(1);
        tracing::error!(validator = %peer, %lane, nonce, own = %accumulator, theirs = %theirs.accumulator,
            "A VALIDATOR CONTRADICTS what this one has proved");
        let outbox = Outbox {
            nonce,
            block: own.block,
            accumulator: Some(accumulator),
            leaves: Vec::new(),
            end: accumulator,
        };
        let evidence = Evidence::FalseCheckpoint { lane: own.lane, signed: theirs, outbox };
        if let Err(error) = self.keep(&evidence, peer) {
            tracing::error!(folder = %self.folder.display(), %error, "evidence cannot be written as a file");
        }
        for core in &self.cores {
            let Ok(url) = core.join("v1/attestations") else { continue };
            let body = AttestationBatch { attestations: vec![theirs] };
            if let Err(error) = self.client.post(url).json(&body).send().await {
                tracing::warn!(core = core.host_str(), error = %error.without_url(), "a core was not told of a lie");
            }
        }
    }

    fn keep(&self, evidence: &Evidence, peer: Address) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let name = format!("{}-{peer}-{}.json", evidence.kind(), evidence.subject());
        fs::write(self.folder.join(name), serde_json::to_vec(evidence)?)
    }
}
