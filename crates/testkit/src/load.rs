//! Deposits over all lanes at a bounded rate, whatever happens to chains and processes meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolConstructor};
use eyre::{WrapErr, ensure};
use futures::future::try_join_all;
use icc_api::CoreClient;
use icc_chain_evm::{
    Account, BridgeUser, EvmChain, TokenDeposit,
    bindings::{DemoToken, TokenBridge},
    token_id,
};
use icc_devnet::Devnet;
use icc_protocol::ChainId;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IteratorRandom};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Units of each token, all of them the load's own to begin with.
const SUPPLY: u64 = 1_000_000_000;
/// Of them, the guest's.
const GIFT: u64 = 1_000_000;
/// A limit on arrivals that the load never reaches.
const AMPLE: u128 = 1 << 100;
/// For a registration to arrive, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// For one deposit to be handed to a node.
const DEPOSIT_TIMEOUT: Duration = Duration::from_secs(10);
/// After a deposit that no node took.
const PAUSE: Duration = Duration::from_millis(500);
/// A wrapper is sent back or on only from a balance of at least this: what is on its way out is still in it.
const FLOAT: u64 = 20;

/// No chain.
const NONE: usize = usize::MAX;

/// A token with its home on one chain, registered on all others.
#[derive(Debug, Clone)]
pub struct LoadToken {
    /// Its home (index of the chain).
    pub home: usize,
    /// Its address on each chain (index): the token at home, wrappers elsewhere.
    pub at: Vec<Address>,
}

/// An account with tokens of its own at home on each chain: nobody else spends them or its nonces.
#[derive(Clone)]
pub struct Load {
    key: Arc<PrivateKeySigner>,
    /// Has some units too, and nonces that no load uses: for deposits of a scenario's own.
    guest: Arc<PrivateKeySigner>,
    chains: Vec<EvmChain>,
    bridges: Vec<Address>,
    tokens: Vec<LoadToken>,
    /// The chain to which nothing is sent for now; [`NONE`]: there is none.
    spared: Arc<AtomicUsize>,
}

impl Load {
    /// Makes and registers a token with its home on each chain, and lifts its rate limits.
    ///
    /// # Errors
    /// If a registration does not arrive.
    pub async fn prepare(devnet: &Devnet) -> eyre::Result<Self> {
        Self::reaching(devnet, devnet.chains.len() - 1).await
    }

    /// As [`Load::prepare`], with each token registered on the next `reach` chains alone, in a circle.
    ///
    /// # Errors
    /// If a registration does not arrive.
    pub async fn reaching(devnet: &Devnet, reach: usize) -> eyre::Result<Self> {
        let mut load = Self {
            key: Arc::new(PrivateKeySigner::random()),
            guest: Arc::new(PrivateKeySigner::random()),
            chains: devnet.configs.clone(),
            bridges: devnet.contracts.iter().map(|contracts| contracts.token_bridge).collect(),
            tokens: Vec::new(),
            spared: Arc::new(AtomicUsize::new(NONE)),
        };
        for chain in &devnet.chains {
            chain.fund(load.key.address(), 1_000_000).await?;
            chain.fund(load.guest.address(), 1_000_000).await?;
        }
        let core = CoreClient::new(devnet.core_urls[0].clone())?;
        let making = (0..load.chains.len()).map(|home| load.make_token(&core, home, reach));
        let homes = try_join_all(making).await?;
        try_join_all((0..load.chains.len()).map(|chain| load.lift_limits(devnet, chain, &homes))).await?;
        for (home, token) in homes.into_iter().enumerate() {
            let id = token_id(load.chains[home].id, token);
            let mut at = Vec::new();
            for chain in 0..load.chains.len() {
                let account = load.account(chain)?;
                at.push(load.user(&account, chain).local(id).await?);
            }
            load.tokens.push(LoadToken { home, at });
        }
        Ok(load)
    }

    async fn make_token(&self, core: &CoreClient, home: usize, reach: usize) -> eyre::Result<Address> {
        let account = self.account(home)?;
        let user = self.user(&account, home);
        let arguments = DemoToken::constructorCall {
            name_: format!("Load of {}", self.chains[home].name),
            symbol_: "LOAD".to_owned(),
            supply: U256::from(SUPPLY),
            holder: account.address(),
        };
        let token = user.create(&DemoToken::BYTECODE, &arguments.abi_encode()).await?;
        let approve = DemoToken::approveCall { spender: user.token_bridge, value: U256::MAX };
        user.call(token, approve).await?;
        let gift = DemoToken::transferCall { to: self.guest.address(), value: U256::from(GIFT) };
        user.call(token, gift).await?;
        let mut registrations = Vec::new();
        for there in (1..=reach).map(|step| (home + step) % self.chains.len()) {
            let fee = user.quote_registration(self.chains[there].id).await?;
            registrations.push(user.register(token, self.chains[there].id, fee).await?);
        }
        for transaction in registrations {
            core.follow(transaction, PATIENCE, |_| {}).await.wrap_err("registration of a load's token")?;
        }
        Ok(token)
    }

    async fn lift_limits(&self, devnet: &Devnet, chain: usize, homes: &[Address]) -> eyre::Result<()> {
        let acts = homes.iter().enumerate().map(|(home, token)| {
            let id = token_id(self.chains[home].id, *token);
            let call = TokenBridge::setLimitsCall { tokenId: id, arrivals: AMPLE, departures: 0 };
            (self.bridges[chain], Bytes::from(call.abi_encode()))
        });
        devnet.owner_acts(chain, acts.collect()).await
    }

    /// Its tokens.
    pub fn tokens(&self) -> &[LoadToken] {
        &self.tokens
    }

    /// Its account on a chain.
    ///
    /// # Errors
    /// If no client can be made.
    pub fn account(&self, chain: usize) -> eyre::Result<Account> {
        Ok(Account::new(self.chains[chain].clone(), self.key.clone())?)
    }

    /// Deposits one unit of a chain's home token as the guest, who gets it back if it has not been delivered by
    /// `deadline`; returns the transaction.
    ///
    /// # Errors
    /// If the chain does not take it.
    pub async fn guest_deposit(&self, from: usize, to: usize, deadline: u64) -> eyre::Result<B256> {
        let account = Account::new(self.chains[from].clone(), self.guest.clone())?;
        let user = self.user(&account, from);
        let token = self.tokens[from].at[from];
        let new = TokenDeposit::new(token, U256::from(1), self.chains[to].id, account.address());
        let deposit = TokenDeposit { deadline, ..new };
        let fee = user.quote(&deposit).await.unwrap_or_default();
        Ok(user.deposit(&deposit, fee).await?)
    }

    fn user<'a>(&self, account: &'a Account, chain: usize) -> BridgeUser<'a> {
        BridgeUser { account, token_bridge: self.bridges[chain] }
    }

    /// Begins to deposit at `per_second` over all lanes, until stopped. The same seed makes the same choices.
    pub fn start(&self, per_second: f64, seed: u64) -> Running {
        let stop = CancellationToken::new();
        let sent = Arc::new(Sent::default());
        let each = Duration::from_secs_f64(self.chains.len() as f64 / per_second.max(0.01));
        let tasks = (0..self.chains.len()).map(|chain| {
            let feeder = Feeder {
                load: self.clone(),
                chain,
                random: StdRng::seed_from_u64(seed.wrapping_add(chain as u64)),
                sent: sent.clone(),
            };
            tokio::spawn(feeder.run(each, stop.clone()))
        });
        Running { tasks: tasks.collect(), sent, stop }
    }

    /// From now on nothing is sent to one chain; or, if none is named, to all again. For faults that look for a
    /// transaction of their own there.
    pub fn spare(&self, chain: Option<usize>) {
        self.spared.store(chain.unwrap_or(NONE), Ordering::Relaxed);
    }

    /// Nobody gained or lost a unit: over all chains, the load has what it began with. Only once all has arrived.
    ///
    /// # Errors
    /// Naming the token and the sum, or if a chain cannot be read.
    pub async fn check_units(&self) -> eyre::Result<()> {
        for token in &self.tokens {
            let mut total = U256::ZERO;
            for (chain, at) in token.at.iter().enumerate() {
                let account = self.account(chain)?;
                for holder in [account.address(), self.guest.address()] {
                    total += self.user(&account, chain).balance(*at, holder).await?;
                }
            }
            let home = &self.chains[token.home].name;
            ensure!(total == U256::from(SUPPLY), "of {SUPPLY} units of {home}'s token, {total} are left");
        }
        Ok(())
    }
}

/// What a load did.
#[derive(Debug, Default)]
pub struct Sent {
    taken: AtomicU64,
    refused: AtomicU64,
}

impl Sent {
    /// Deposits that a node took. A chain that is reorganised may lose some of them.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Deposits that no node took: the chain was away, or its answer an error.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// A load that runs. Dropping it stops it.
pub struct Running {
    tasks: Vec<JoinHandle<()>>,
    sent: Arc<Sent>,
    stop: CancellationToken,
}

impl Running {
    /// What it has done so far.
    pub fn sent(&self) -> &Sent {
        &self.sent
    }

    /// Stops it, and returns once nothing is sent any more.
    pub async fn stop(mut self) -> Arc<Sent> {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            // A panicked task has stopped as well; its deposits are on the chain or not.
            let _ = task.await;
        }
        self.sent.clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Deposits from one chain: one at a time, so that its nonces follow each other.
struct Feeder {
    load: Load,
    chain: usize,
    random: StdRng,
    sent: Arc<Sent>,
}

impl Feeder {
    async fn run(mut self, each: Duration, stop: CancellationToken) {
        let mut ticks = interval(each);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            // Not cut short by `stop`: whether it was sent must not be in doubt.
            let outcome = match timeout(DEPOSIT_TIMEOUT, self.deposit()).await {
                Ok(outcome) => outcome,
                Err(_) => Err(eyre::eyre!("no answer within {DEPOSIT_TIMEOUT:?}")),
            };
            if let Err(error) = outcome {
                self.sent.refused.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(chain = self.load.chains[self.chain].name, %error, "deposit not taken");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(PAUSE) => {}
                }
            } else {
                self.sent.taken.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn deposit(&mut self) -> eyre::Result<()> {
        let account = self.load.account(self.chain)?;
        let user = self.load.user(&account, self.chain);
        let home = self.random.random_range(0..self.load.tokens.len());
        let spared = self.load.spared.load(Ordering::Relaxed);
        let others = (0..self.load.chains.len()).filter(|to| *to != self.chain && *to != spared);
        let Some(to) = others.choose(&mut self.random) else { return Ok(()) };
        let amount = U256::from(self.random.random_range(1..=3u64));
        let mut token = self.load.tokens[home].at[self.chain];
        if home != self.chain && user.balance(token, account.address()).await? < U256::from(FLOAT) {
            // Not enough has come here yet: one that is at home here.
            token = self.load.tokens[self.chain].at[self.chain];
        }
        self.send(&user, token, self.load.chains[to].id, amount).await
    }

    async fn send(
        &self,
        user: &BridgeUser<'_>,
        token: Address,
        to: ChainId,
        amount: U256,
    ) -> eyre::Result<()> {
        let me = user.account.address();
        let deposit = TokenDeposit::new(token, amount, to, me);
        // A price that is too old to be quoted keeps nobody from sending unpaid.
        let fee = user.quote(&deposit).await.unwrap_or_default();
        let call = TokenBridge::depositCall {
            token,
            amount,
            destinationChain: to.0,
            to: me.into_word(),
            refundTo: me.into_word(),
            deadline: 0,
        };
        user.account.submit(Some(user.token_bridge), call.abi_encode().into(), fee).await?;
        Ok(())
    }
}
