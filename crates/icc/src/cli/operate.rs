//! What operators do with lanes and tokens.

use clap::{Args, Subcommand};
use url::Url;

use super::{ConfigFile, KeyArgs, RouteArgs};

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// Nothing may be on its way, or wait for execution or in a queue.
    #[arg(long)]
    pub(crate) settled: bool,
    /// How long to wait for what is on its way (with --settled), and for what cannot be read, in seconds.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(crate) patience: u64,
    /// The public URL of a validator, besides those of core.validator_urls. May be given several times.
    #[arg(long = "validator", value_name = "URL")]
    pub(crate) validators: Vec<Url>,
    /// The address of a validator that is known to be dishonest: what it signed is told, and is no violation. May be given
    /// several times.
    #[arg(long = "liar", value_name = "ADDRESS")]
    pub(crate) liars: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct LaneArgs {
    #[command(subcommand)]
    pub(crate) what: LaneWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LaneWhat {
    /// What left, what arrived, what did not, read from both chains; nothing is changed.
    ///
    /// Exit code 1 if the ends contradict each other.
    Reconcile {
        #[command(flatten)]
        route: RouteArgs,
        /// Of which generation; by default the newest.
        #[arg(long)]
        generation: Option<u32>,
    },
    /// Close both directions between two chains, at both ends, for good. Through the timelocks; repeat to complete.
    Close {
        #[command(flatten)]
        route: RouteArgs,
        #[command(flatten)]
        keys: KeyArgs,
    },
    /// Open the next generation between two chains, at both ends. Through the timelocks; repeat to complete.
    Reopen {
        #[command(flatten)]
        route: RouteArgs,
        #[command(flatten)]
        keys: KeyArgs,
    },
    /// Allow what a closed generation did not deliver to be sent again, as `reconcile` found it. Through the timelock.
    AllowResend {
        #[command(flatten)]
        route: RouteArgs,
        #[command(flatten)]
        keys: KeyArgs,
        /// The closed generation.
        #[arg(long)]
        generation: u32,
    },
    /// Strike a recorded message that a stolen quorum forged: it is neither executed nor refunded. Through the timelock of
    /// the destination.
    Strike {
        #[command(flatten)]
        route: RouteArgs,
        #[command(flatten)]
        keys: KeyArgs,
        /// Its id, as `reconcile` tells it.
        #[arg(long)]
        id: String,
    },
    /// Send again what is allowed to be. Anyone may.
    Resend {
        #[command(flatten)]
        route: RouteArgs,
        #[command(flatten)]
        keys: KeyArgs,
        /// The closed generation.
        #[arg(long)]
        generation: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    pub(crate) what: TokenWhat,
}

/// A token on one chain.
#[derive(Debug, Args)]
pub(crate) struct TokenAt {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// The chain, by name or id.
    #[arg(long)]
    pub(crate) chain: String,
    /// The token's address there.
    #[arg(long)]
    pub(crate) token: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenWhat {
    /// Limits, present flow, pauses, what waits.
    Show(TokenAt),
    /// Set how much may arrive and depart within the rate window, in whole tokens. Through the timelock.
    Limits {
        #[command(flatten)]
        at: TokenAt,
        #[command(flatten)]
        keys: KeyArgs,
        /// Above it, arrivals wait for one window.
        #[arg(long)]
        arrivals: String,
        /// Above it, deposits are refused; without it, they are not limited.
        #[arg(long)]
        departures: Option<String>,
    },
    /// Stop deposits, releases or both, at once. The guardian's.
    Pause {
        #[command(flatten)]
        at: TokenAt,
        #[command(flatten)]
        keys: KeyArgs,
        /// No new deposits.
        #[arg(long)]
        deposits: bool,
        /// Nothing is paid out.
        #[arg(long)]
        releases: bool,
    },
    /// Let deposits and releases go on. Through the timelock.
    Unpause {
        #[command(flatten)]
        at: TokenAt,
        #[command(flatten)]
        keys: KeyArgs,
    },
    /// Strike a theft from the queue. Through the timelock.
    Cancel {
        #[command(flatten)]
        at: TokenAt,
        #[command(flatten)]
        keys: KeyArgs,
        /// Its place in the queue, as `show` tells.
        #[arg(long)]
        index: u64,
    },
    /// Collect what could not be handed over; native coin comes wrapped.
    Claim {
        #[command(flatten)]
        at: TokenAt,
        #[command(flatten)]
        keys: KeyArgs,
        /// Where to; by default the claiming account.
        #[arg(long)]
        recipient: Option<String>,
    },
}
