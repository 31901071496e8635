//! What validators, their guardian and their owner do with the registry.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use url::Url;

use super::{ConfigFile, KeyArgs};

/// Joining by itself.
#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// Register this key first, unless it is: bond, wait out the probation, join with an epoch.
    #[arg(long, requires = "bond")]
    pub(crate) register: bool,
    /// What to bond, in whole coins (or tokens) of the hub: `10`.
    #[arg(long, requires = "register")]
    pub(crate) bond: Option<String>,
    /// Where others reach this validator; by default validator.url of the configuration.
    #[arg(long, requires = "register")]
    pub(crate) url: Option<Url>,
    /// Who gets the bond back; by default the key's own address.
    #[arg(long, requires = "register")]
    pub(crate) payout: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ValidatorAct {
    /// Where this key stands in the registry, and what happens next.
    Status(ValidatorActArgs),
    /// Leave with one of the next epochs. Keep the process running until `status` says that it is out.
    Exit(ValidatorActArgs),
    /// Back into the queue after having been jailed for silence.
    Unjail(ValidatorActArgs),
    /// Get the bond back, once it is free.
    Withdraw(ValidatorActArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ValidatorActArgs {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ValidatorsArgs {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// A core's URL: tells who was late within the last day.
    #[arg(long, env = "ICC_CORE")]
    pub(crate) core: Option<Url>,
}

/// Acts of the registry's owner and guardian.
#[derive(Debug, Args)]
pub(crate) struct RegistryArgs {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(subcommand)]
    pub(crate) what: RegistryWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RegistryWhat {
    /// Let a key register. Through the timelock.
    Allow {
        /// The validator's address.
        validator: String,
    },
    /// No longer let a key register; what it has bonded stays. Through the timelock.
    Disallow {
        /// The validator's address.
        validator: String,
    },
    /// Let anybody register. Through the timelock.
    Open,
    /// Let only those register that are allowed. Through the timelock.
    Restrict,
    /// Refuse a validator that waits. The guardian's.
    Refuse {
        /// The validator's address.
        validator: String,
    },
    /// Judge a convicted validator honest (its chain lied): the bond is freed, the key stays out. The guardian's.
    Veto {
        /// The validator's address.
        validator: String,
    },
    /// Judge a convicted validator a liar, where its chain's finality alone does not tell. The guardian's.
    Confirm {
        /// The validator's address.
        validator: String,
    },
    /// Do not listen to a chain's reports for now: it seems to lie itself. The guardian's.
    Deafen {
        /// The chain, by name or id.
        chain: String,
    },
    /// Listen to a chain again, and let its reports put out as many again as without the guardian. The guardian's.
    Hear {
        /// The chain, by name or id.
        chain: String,
    },
    /// Take or free a convicted validator's bond once the window for judging is over. Anyone may.
    Settle {
        /// The validator's address.
        validator: String,
    },
    /// Ask a member of the first set to leave that has not bonded in time. Anyone may.
    Expel {
        /// The validator's address.
        validator: String,
    },
}

/// Proofs of lies.
#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    #[command(subcommand)]
    pub(crate) what: EvidenceWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvidenceWhat {
    /// Check a file's signatures and arithmetic; nothing of the system is needed for that.
    ///
    /// With --config, what the proof rests on is read from the chain as well: the messages of the lane, or the registry.
    /// Exit code 0 only if it proves a lie.
    Verify {
        /// What `icc evidence list --json` tells of one, or a core has written.
        file: PathBuf,
        /// The configuration by whose endpoints the chain is read.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Prove it to the contracts, as anybody may: it needs nothing of the system but the configuration's endpoints.
    ///
    /// A part of the bond goes to whoever submits. Says so where somebody else was quicker.
    Submit {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        config: ConfigFile,
        /// Who pays for it, and gets the reporter's share.
        #[command(flatten)]
        keys: KeyArgs,
    },
    /// What a core keeps, and what became of it.
    List {
        /// The core's URL.
        #[arg(long)]
        core: Url,
    },
}
