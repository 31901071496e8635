//! The command line.

mod operate;
mod registry;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

pub(crate) use operate::{AuditArgs, LaneArgs, LaneWhat, TokenArgs, TokenAt, TokenWhat};
pub(crate) use registry::{
    EvidenceArgs, EvidenceWhat, RegisterArgs, RegistryArgs, RegistryWhat, ValidatorAct, ValidatorActArgs,
    ValidatorsArgs,
};

/// A bridge between blockchains: tokens and messages cross under a quorum of independent validators.
///
/// Exit codes: 0 done; 1 failed; 2 wrong arguments; 3 not arrived in time, or still waiting; 4 (audit) not all was read.
#[derive(Debug, Parser)]
#[command(name = "icc", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print results as JSON, one object a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value_t = Logs::Text, env = "ICC_LOG_FORMAT")]
    pub(crate) log_format: Logs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Logs {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole bridge on this machine: three chains, database, contracts, validators, cores.
    Devnet(DevnetArgs),
    /// Run core and indexers in one process: enough for a small bridge.
    Run(CoreArgs),
    /// Run a core: takes signatures in, relays, serves the API. Several may run at once.
    Core(CoreArgs),
    /// Run the indexers: one task per chain.
    Indexer(IndexerArgs),
    /// Run a validator: proves what is final through endpoints of its own, and signs it.
    ///
    /// It needs a configuration with at least three endpoints of its own per chain, of which `rpc_quorum` must agree,
    /// its key, and a journal that no other process uses. Example: icc validator --config icc.toml --key-file v.key
    Validator(ValidatorArgs),
    /// The validators: who is in the set, who waits, their bonds and URLs.
    Validators(ValidatorsArgs),
    /// Who may register, and how those who lied are judged.
    Registry(RegistryArgs),
    /// Proofs that a validator has lied: list them, verify one.
    Evidence(EvidenceArgs),
    /// Move tokens, send a message, or register a token on another chain.
    Send(SendArgs),
    /// What sending would cost, without sending.
    Quote(QuoteArgs),
    /// Where a transaction's messages are, and why.
    Status(StatusArgs),
    /// Compare the two ends of a lane; close it, open its next generation, send again what had not arrived.
    Lane(LaneArgs),
    /// A token's limits, pauses, queue and claims.
    Token(TokenArgs),
    /// Read from the chains whether everything is delivered or refunded exactly once, and backed to the last unit.
    ///
    /// Reads all configured chains up to their final blocks, the validators' signatures, and, with database_url, the
    /// leases; nothing is changed. Exit codes: 0 whole; 1 something is as it must not be; 3 with --settled: something is
    /// on its way; 4 something could not be read.
    Audit(AuditArgs),
    /// Deploy contracts and open lanes on all configured chains. Safe to repeat.
    Deploy(DeployArgs),
    /// Write or check a configuration.
    Config(ConfigArgs),
    /// Make or inspect keys.
    Keys(KeysArgs),
    /// Ends the devnet's processes when the devnet is killed.
    #[command(hide = true)]
    DevnetGuard,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file. Environment variables named `ICC__SECTION__KEY` override it.
    #[arg(long, default_value = "icc.toml", env = "ICC_CONFIG")]
    pub(crate) config: PathBuf,
}

/// Where private keys come from. They are never arguments: those can be read by every process of the machine.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct KeyArgs {
    /// A file with mode 0600; one key a line.
    #[arg(long)]
    pub(crate) key_file: Option<PathBuf>,
    /// An environment variable, by name.
    #[arg(long, value_name = "NAME")]
    pub(crate) key_env: Option<String>,
    /// Standard input, to its end.
    #[arg(long)]
    pub(crate) key_stdin: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DevnetArgs {
    /// Move tokens and a message once everything is up, and tell each step.
    #[arg(long)]
    pub(crate) demo: bool,
    /// End after the demo, with status 0 only if the chains say that all arrived once.
    #[arg(long, requires = "demo")]
    pub(crate) exit: bool,
    /// How many validators.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=19))]
    pub(crate) validators: u8,
    /// How many cores.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=18))]
    pub(crate) cores: u8,
    /// Where logs and data go; by default a temporary folder that is removed at the end.
    #[arg(long)]
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CoreArgs {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// Keys of the relay's signers; each must be funded on every chain.
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct IndexerArgs {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ValidatorArgs {
    #[command(subcommand)]
    pub(crate) act: Option<ValidatorAct>,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    #[command(flatten)]
    pub(crate) registration: RegisterArgs,
    /// Once, after the journal was lost or only an old copy of it is left: take over from the cores what this key has
    /// signed, then start.
    ///
    /// First make sure that nothing else runs with this key. What contradicts the journal is never taken over.
    #[arg(long)]
    pub(crate) recover: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[command(subcommand)]
    pub(crate) what: SendWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SendWhat {
    /// Move tokens to another chain.
    ///
    /// Example: icc send token --from alpha --to beta --token 0x… --amount 12.5 --key-file user.key --core http://…
    ///
    /// The token must be registered on the other chain (`icc send register`), once. With --core, each step is told
    /// until the tokens have arrived; exit code 3 if they have not within --patience.
    Token(SendToken),
    /// Send a message to a contract of another chain.
    Message(SendMessage),
    /// Register a token on another chain, so that it can be moved there. Once per token and chain.
    Register(SendRegister),
}

#[derive(Debug, Args)]
pub(crate) struct RouteArgs {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// The chain to send from, by name or id.
    #[arg(long)]
    pub(crate) from: String,
    /// The chain to send to, by name or id.
    #[arg(long)]
    pub(crate) to: String,
}

#[derive(Debug, Args)]
pub(crate) struct SendCommon {
    #[command(flatten)]
    pub(crate) route: RouteArgs,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    /// Do not pay for the delivery: deliver by yourself or pay later. The cores may take it along, or not.
    #[arg(long, conflicts_with = "max_fee")]
    pub(crate) unpaid: bool,
    /// Most that the delivery may cost, in whole coins of the source: `0.01`.
    #[arg(long)]
    pub(crate) max_fee: Option<String>,
    #[command(flatten)]
    pub(crate) follow: FollowArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FollowArgs {
    /// A core, to follow the transfer; without it, the command ends when the transaction is in a block.
    #[arg(long, env = "ICC_CORE")]
    pub(crate) core: Option<Url>,
    /// How long to follow, in seconds.
    #[arg(long, default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) patience: u64,
}

/// What tokens, how many, to whom.
#[derive(Debug, Args)]
pub(crate) struct TransferArgs {
    /// The token's address on the chain it is sent from.
    #[arg(long, required_unless_present = "native", conflicts_with = "native")]
    pub(crate) token: Option<String>,
    /// Send the chain's own coin.
    #[arg(long)]
    pub(crate) native: bool,
    /// How much, in whole tokens: `12.5`.
    #[arg(long)]
    pub(crate) amount: String,
    /// Who receives it; by default the sender's own address.
    #[arg(long)]
    pub(crate) recipient: Option<String>,
    /// Seconds from now after which tokens that could not be handed over come back; 0: they wait for ever.
    #[arg(long, default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(..=31_536_000))]
    pub(crate) deadline: u64,
    /// Call the recipient once it has the tokens, with this data: text, or 0x and hexadecimal digits.
    #[arg(long, requires = "call_gas")]
    pub(crate) call: Option<String>,
    /// Gas for that call.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    pub(crate) call_gas: Option<u32>,
}

/// What message, to whom.
#[derive(Debug, Args)]
pub(crate) struct MessageArgs {
    /// The contract that receives it (ERC-7786).
    #[arg(long)]
    pub(crate) recipient: String,
    /// Text, or bytes as 0x and hexadecimal digits.
    #[arg(long)]
    pub(crate) payload: String,
    /// Gas for the call at the destination.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) gas_limit: u32,
    /// Seconds from now after which the message is refunded instead of executed; 0: it can be executed for ever.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=31_536_000))]
    pub(crate) deadline: u64,
}

#[derive(Debug, Args)]
pub(crate) struct SendToken {
    #[command(flatten)]
    pub(crate) common: SendCommon,
    #[command(flatten)]
    pub(crate) transfer: TransferArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SendMessage {
    #[command(flatten)]
    pub(crate) common: SendCommon,
    #[command(flatten)]
    pub(crate) message: MessageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SendRegister {
    #[command(flatten)]
    pub(crate) common: SendCommon,
    /// The token's address on its home chain, which `--from` names.
    #[arg(long, required_unless_present = "native", conflicts_with = "native")]
    pub(crate) token: Option<String>,
    /// The chain's own coin.
    #[arg(long)]
    pub(crate) native: bool,
}

#[derive(Debug, Args)]
pub(crate) struct QuoteArgs {
    #[command(subcommand)]
    pub(crate) what: QuoteWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuoteWhat {
    /// Of moving tokens; of both legs, if they go through their home chain.
    Token {
        #[command(flatten)]
        route: RouteArgs,
        #[command(flatten)]
        transfer: TransferArgs,
    },
    /// Of a message.
    Message {
        #[command(flatten)]
        route: RouteArgs,
        #[command(flatten)]
        message: MessageArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The transaction that sent the messages.
    pub(crate) transaction: String,
    /// A core.
    #[arg(long, env = "ICC_CORE", default_value = "http://127.0.0.1:8080")]
    pub(crate) core: Url,
    /// Follow until everything has arrived.
    #[arg(long)]
    pub(crate) follow: bool,
    /// How long to follow, in seconds.
    #[arg(long, default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) patience: u64,
}

#[derive(Debug, Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// The deployer's key: proposer of the timelock, funded on every chain.
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) what: ConfigWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigWhat {
    /// Write a configuration to start from.
    Init(ConfigFile),
    /// Check a configuration, and that endpoints are on the chains they should be on.
    Check(ConfigCheck),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigCheck {
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// Check the file alone; ask no endpoint.
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) what: KeysWhat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysWhat {
    /// Make a key, write it to a new file with mode 0600, and print its address.
    New {
        /// The file; must not exist.
        file: PathBuf,
    },
    /// Print the addresses of keys.
    Address(KeyArgs),
}
