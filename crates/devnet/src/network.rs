//! The whole network: started, handed out, ended.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes};
use alloy_signer_local::PrivateKeySigner;
use eyre::{OptionExt, bail};
use icc_chain_evm::{
    Account, EvmChain,
    deploy::{Contracts, Plan},
    timelock::{self, Acts},
};
use icc_protocol::{NetworkId, ValidatorSet};
use icc_service::config::{Config, PeerConfig, ValidatorConfig};
use tempfile::TempDir;
use tokio::{net::TcpStream, time::sleep};
use url::Url;

use crate::{
    Anvil, ChainSpec, Forwarder, Postgres,
    anvil::local,
    bootstrap::{Keys, chain, deploy_all},
    guard::Guard,
    hub,
    ports::free_port,
    process::{Managed, Recipe},
};

/// Endpoints of one validator per chain.
const ENDPOINTS: usize = 3;

/// So short that a refund can be watched.
pub const MIN_DEADLINE_DELAY_SECONDS: u64 = 5;
/// So short that a queue can be watched.
pub const RATE_WINDOW_SECONDS: u64 = 15;

/// What to start.
#[derive(Debug, Clone)]
pub struct DevnetOptions {
    /// The `icc` binary.
    pub icc: PathBuf,
    /// Chains.
    pub chains: Vec<ChainSpec>,
    /// How many validators.
    pub validators: usize,
    /// How many cores.
    pub cores: usize,
    /// For how long a validator must have been missing to be jailed.
    pub silence: Duration,
    /// Where files go; a new temporary folder, removed at the end, if not given.
    pub folder: Option<PathBuf>,
}

impl DevnetOptions {
    /// Three chains of different block times, four validators, two cores.
    pub fn new(icc: PathBuf) -> Self {
        let chain = |name: &str, id, milliseconds| ChainSpec {
            name: name.to_owned(),
            id,
            block_time: Duration::from_millis(milliseconds),
        };
        let chains =
            vec![chain("alpha", 31_001, 1000), chain("beta", 31_002, 2000), chain("gamma", 31_003, 500)];
        Self { icc, chains, validators: 4, cores: 2, silence: Duration::from_secs(3600), folder: None }
    }
}

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The core of this number.
    Core(usize),
    /// The indexer.
    Indexer,
    /// The validator of this number.
    Validator(usize),
}

/// A running network. Dropping it ends it.
pub struct Devnet {
    /// The processes of the bridge.
    pub processes: BTreeMap<Role, Managed>,
    /// The chains, in the order of the options.
    pub chains: Vec<Anvil>,
    /// What the chains are, as a user sees them.
    pub configs: Vec<EvmChain>,
    /// The contracts on each.
    pub contracts: Vec<Contracts>,
    /// The database.
    pub postgres: Postgres,
    /// The cores' URLs.
    pub core_urls: Vec<Url>,
    /// The validators' URLs.
    pub validator_urls: Vec<Url>,
    /// Endpoints by validator, chain, and number.
    pub endpoints: Vec<Vec<Vec<Forwarder>>>,
    /// A funded user.
    pub user: Arc<PrivateKeySigner>,
    /// Proposer and executor of the timelocks, guardian, and the fees' collector.
    pub operator: Arc<PrivateKeySigner>,
    /// The pool of the cores' relays: who pays for deliveries.
    pub relayers: Vec<Arc<PrivateKeySigner>>,
    /// The validators' keys, for faults that need a quorum's signature (a rotation) or a traitor's.
    pub validator_keys: Vec<Arc<PrivateKeySigner>>,
    /// The deployment.
    pub network: NetworkId,
    pub(crate) folder: PathBuf,
    pub(crate) options: DevnetOptions,
    guard: Guard,
    _temporary: Option<TempDir>,
}

impl Devnet {
    /// Starts everything; `tell` is told each step.
    ///
    /// # Errors
    /// Whatever keeps it from starting; what was started is ended again.
    pub async fn start(options: &DevnetOptions, tell: impl Fn(&str)) -> eyre::Result<Self> {
        icc_service::install_tls();
        let (folder, temporary) = folder(options)?;
        let guard = Guard::start(&options.icc)?;
        let keys = Keys::new(options.validators);

        tell("starting PostgreSQL and the chains");
        let postgres = Postgres::start(&folder, &guard);
        let chains = async {
            let mut chains = Vec::new();
            for spec in &options.chains {
                chains.push(Anvil::start(spec, &folder, &guard).await?);
            }
            eyre::Ok(chains)
        };
        let (postgres, chains) = tokio::try_join!(postgres, chains)?;

        tell("deploying contracts and opening lanes");
        let network = NetworkId(B256::from(rand::random::<[u8; 32]>()));
        let mut members: Vec<Address> = keys.validators.iter().map(PrivateKeySigner::address).collect();
        members.sort();
        let plan = Plan {
            network,
            guardian: keys.deployer.address(),
            epoch: 1,
            validators: ValidatorSet::new(members)?,
            hub_time: hub::first_epoch_time(),
            min_validators: 1,
            timelock_delay: 0,
            min_deadline_delay: MIN_DEADLINE_DELAY_SECONDS,
            rate_window: RATE_WINDOW_SECONDS,
            fee_updater: keys.relayers[0].address(),
            fee_collector: keys.deployer.address(),
        };
        let mut configs: Vec<EvmChain> =
            options.chains.iter().zip(&chains).map(|(spec, anvil)| chain(spec, anvil)).collect();
        let registry = hub::plan(keys.deployer.address());
        let (contracts, site) = deploy_all(&keys, &chains, &configs, &plan, &registry).await?;
        for (config, contracts) in configs.iter_mut().zip(&contracts) {
            config.gateway = contracts.gateway;
            config.token_bridge = contracts.token_bridge;
        }
        configs[hub::HUB].registry = Some(site.registry);
        let validator_urls = urls(options.validators)?;
        let founders = (&chains[hub::HUB], &configs[hub::HUB]);
        hub::bond_founders(&keys, founders, site, &validator_urls).await?;

        let mut devnet = Self {
            processes: BTreeMap::new(),
            chains,
            configs,
            contracts,
            postgres,
            core_urls: urls(options.cores)?,
            validator_urls,
            endpoints: Vec::new(),
            user: keys.user.clone(),
            operator: keys.deployer.clone(),
            relayers: keys.relayers.iter().cloned().map(Arc::new).collect(),
            validator_keys: keys.validators.iter().cloned().map(Arc::new).collect(),
            network,
            folder,
            options: options.clone(),
            guard,
            _temporary: temporary,
        };
        tell("starting indexer, cores and validators");
        devnet.start_processes(&keys).await?;
        devnet.write_user_files()?;
        devnet.wait_ready().await?;
        Ok(devnet)
    }

    /// Where logs and configurations are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn spec(&self, chain: usize) -> &ChainSpec {
        &self.options.chains[chain]
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The user on a chain.
    ///
    /// # Errors
    /// If no client can be made.
    pub fn account(&self, chain: usize) -> eyre::Result<Account> {
        Ok(Account::new(self.configs[chain].clone(), self.user.clone())?)
    }

    /// Acts of the owner of a chain's contracts; the devnet's timelock lets them pass at once.
    ///
    /// # Errors
    /// If they are refused.
    pub async fn owner_acts(&self, chain: usize, acts: Vec<(Address, Bytes)>) -> eyre::Result<()> {
        let account = Account::new(self.configs[chain].clone(), self.operator.clone())?;
        match timelock::through_timelock(&account, self.contracts[chain].timelock, acts).await? {
            Acts::WaitingUntil(time) => bail!("the timelock waits until {time}"),
            Acts::Complete | Acts::Done(_) => Ok(()),
        }
    }

    /// Fails if any process has ended.
    ///
    /// # Errors
    /// With the end of its log.
    pub fn check(&mut self) -> eyre::Result<()> {
        for process in self.processes.values_mut() {
            process.check()?;
        }
        for chain in &mut self.chains {
            chain.process.check()?;
        }
        self.postgres.process.check()
    }

    /// A process of the bridge.
    ///
    /// # Errors
    /// If there is none of that role.
    pub fn process(&mut self, role: Role) -> eyre::Result<&mut Managed> {
        self.processes.get_mut(&role).ok_or_eyre("no such process")
    }

    async fn start_processes(&mut self, keys: &Keys) -> eyre::Result<()> {
        let nodes: Vec<(Vec<Url>, Url)> =
            self.chains.iter().map(|anvil| (vec![anvil.url()], anvil.websocket())).collect();
        let indexer = self.config(&nodes, "127.0.0.1:0");
        self.launch(Role::Indexer, &indexer, None)?;
        for (number, url) in self.core_urls.clone().iter().enumerate() {
            let config = self.config(&nodes, &address(url)?);
            self.launch(Role::Core(number), &config, Some(Keys::text(&keys.relayers)))?;
        }
        let peers: Vec<PeerConfig> = self
            .validator_urls
            .iter()
            .zip(&keys.validators)
            .map(|(url, key)| PeerConfig { url: url.clone(), address: key.address().to_string() })
            .collect();
        for number in 0..self.validator_urls.len() {
            self.start_validator(number, &peers, &[]).await?;
        }
        Ok(())
    }

    /// Starts the validator of a number, with endpoints of its own.
    pub(crate) async fn start_validator(
        &mut self,
        number: usize,
        peers: &[PeerConfig],
        more: &[&str],
    ) -> eyre::Result<()> {
        let mut own = Vec::new();
        for anvil in &self.chains {
            let mut endpoints = Vec::new();
            for _ in 0..ENDPOINTS {
                endpoints.push(Forwarder::start(anvil.port).await?);
            }
            own.push(endpoints);
        }
        let nodes: Vec<(Vec<Url>, Url)> = own
            .iter()
            .map(|endpoints| (endpoints.iter().map(Forwarder::url).collect(), endpoints[0].websocket()))
            .collect();
        let mut config = self.config(&nodes, "127.0.0.1:0");
        config.database_url = None;
        config.validator = ValidatorConfig {
            listen: address(&self.validator_urls[number])?,
            url: Some(self.validator_urls[number].clone()),
            journal: self.folder.join(format!("validator-{number}.journal")).display().to_string(),
            core_urls: self.core_urls.clone(),
            peers: peers.to_vec(),
            confirmation_seconds: hub::CONFIRMATION_SECONDS,
            silence_seconds: self.options.silence.as_secs(),
            evidence_grace_seconds: hub::EVIDENCE_GRACE_SECONDS,
            ..ValidatorConfig::default()
        };
        let key = Keys::text([self.validator_keys[number].as_ref()]);
        self.endpoints.push(own);
        let role = Role::Validator(number);
        self.launch(role, &config, Some(key))?;
        if !more.is_empty() {
            self.process(role)?.restart_with(more)?;
        }
        Ok(())
    }

    fn launch(&mut self, role: Role, config: &Config, keys: Option<String>) -> eyre::Result<()> {
        let (name, command) = match role {
            Role::Core(number) => (format!("core-{number}"), "core"),
            Role::Indexer => ("indexer".to_owned(), "indexer"),
            Role::Validator(number) => (format!("validator-{number}"), "validator"),
        };
        let file = self.folder.join(format!("{name}.toml"));
        fs::write(&file, config.to_toml()?)?;
        let mut arguments = vec![command.to_owned(), "--config".to_owned(), file.display().to_string()];
        if keys.is_some() {
            arguments.push("--key-stdin".to_owned());
        }
        let recipe = Recipe {
            log: self.folder.join(format!("{name}.log")),
            name,
            program: self.options.icc.clone(),
            arguments,
            environment: Vec::new(),
            user: None,
            input: keys,
        };
        self.processes.insert(role, Managed::start(recipe, &self.guard)?);
        Ok(())
    }

    async fn wait_ready(&mut self) -> eyre::Result<()> {
        let urls: Vec<Url> = self.core_urls.iter().chain(&self.validator_urls).cloned().collect();
        for url in urls {
            let mut ready = false;
            for _ in 0..600 {
                self.check()?;
                if TcpStream::connect(address(&url)?).await.is_ok() {
                    ready = true;
                    break;
                }
                sleep(Duration::from_millis(50)).await;
            }
            if !ready {
                bail!("{url} does not listen; see the logs in {}", self.folder.display());
            }
        }
        Ok(())
    }
}

fn folder(options: &DevnetOptions) -> eyre::Result<(PathBuf, Option<TempDir>)> {
    if let Some(folder) = &options.folder {
        fs::create_dir_all(folder)?;
        if fs::read_dir(folder)?.next().is_some() {
            bail!("{} is not empty; a devnet begins in an empty folder", folder.display());
        }
        fs::set_permissions(folder, fs::Permissions::from_mode(0o711))?;
        return Ok((folder.canonicalize()?, None));
    }
    let temporary = tempfile::Builder::new().prefix("icc-devnet-").tempdir()?;
    // The database runs as another user when we are root, and must get through.
    fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o711))?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

fn urls(count: usize) -> eyre::Result<Vec<Url>> {
    (0..count).map(|_| Ok(local(&format!("http://127.0.0.1:{}", free_port()?)))).collect()
}

fn address(url: &Url) -> eyre::Result<String> {
    let port = url.port().ok_or_eyre("a URL without port")?;
    Ok(format!("127.0.0.1:{port}"))
}
