//! What one process is to do.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// A core's settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoreConfig {
    /// Where the API listens.
    pub listen: String,
    /// Validators' public URLs, asked for what they have not sent.
    pub validator_urls: Vec<Url>,
    /// Gas that a batch aims at: by what calls took of late, or at their limits after a failure.
    pub batch_gas: u64,
    /// How long to wait for inclusion before offering more, in milliseconds.
    pub replace_after_ms: u64,
    /// Where proofs of lies are written as files, besides the database; none: not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_folder: Option<PathBuf>,
    /// How long after the first signature on a checkpoint the other validators are late, and after finality a lane's
    /// messages overdue, in seconds.
    pub confirmation_seconds: u64,
}

impl Default for CoreConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            validator_urls: Vec::new(),
            batch_gas: 12_000_000,
            replace_after_ms: 30_000,
            evidence_folder: None,
            confirmation_seconds: 60,
        }
    }
}

/// A validator's settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidatorConfig {
    /// Where it serves its signatures.
    pub listen: String,
    /// Where others reach it; told to the registry when it registers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// Its journal; keep it, and never copy it to a second machine.
    pub journal: String,
    /// Cores that its signatures are sent to.
    pub core_urls: Vec<Url>,
    /// The other validators: asked what is final while this one's endpoints are not of one mind. Without them it then
    /// signs nothing that not all of its endpoints say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<PeerConfig>,
    /// How long after this validator another may sign the same, in seconds.
    pub confirmation_seconds: u64,
    /// For how long another must have missed more than half of that to be jailed, in seconds.
    pub silence_seconds: u64,
    /// How long cores and others may take to submit what this validator has seen of a lie before it does so itself, in
    /// seconds.
    pub evidence_grace_seconds: u64,
    /// An epoch whose set is trusted without asking anybody, in place of the hub's newest at the first start; for a start
    /// while the hub's endpoints are not of one mind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted_epoch: Option<TrustedEpoch>,
    /// The oldest that the hub's newest final block may be, by this machine's clock, for a first start to trust what it
    /// says, in seconds: the hub's finality and a margin.
    pub oldest_hub_block_seconds: u64,
}

/// An epoch and its set, by the operator's word.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedEpoch {
    /// Which epoch.
    pub epoch: u64,
    /// keccak256 of its packed members, 0x and 64 hexadecimal digits (`icc validators` tells it).
    pub set_hash: String,
}

/// Another validator.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerConfig {
    /// Where it serves.
    pub url: Url,
    /// Its address.
    pub address: String,
}

impl Default for ValidatorConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8090".to_owned(),
            url: None,
            journal: "validator.journal".to_owned(),
            core_urls: Vec::new(),
            peers: Vec::new(),
            confirmation_seconds: 60,
            silence_seconds: 3600,
            evidence_grace_seconds: 120,
            trusted_epoch: None,
            oldest_hub_block_seconds: 3600,
        }
    }
}

impl ValidatorConfig {
    /// Where contradictions are kept: beside the journal.
    pub fn evidence_folder(&self) -> PathBuf {
        PathBuf::from(format!("{}.evidence", self.journal))
    }
}
