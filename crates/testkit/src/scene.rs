//! One lane, and something to send on it: what a fault of a chain or of a transaction happens to.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolConstructor};
use eyre::{OptionExt, bail};
use icc_api::{CoreClient, MessageView};
use icc_chain_evm::{
    Account, BridgeUser,
    bindings::{DemoToken, Gateway, IGateway, TokenBridge},
};
use icc_devnet::{Anvil, Devnet};
use tokio::time::sleep;

/// For anything that must happen, on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);
const SUPPLY: u64 = 1_000_000;

/// A lane between two chains of a devnet, and a token with its home at its beginning.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The network.
    pub devnet: &'a Devnet,
    /// The source (index).
    pub from: usize,
    /// The destination (index).
    pub to: usize,
    /// A token of the devnet's user with its home at the source, registered at the destination.
    pub token: Address,
}

impl<'a> Scene<'a> {
    /// With a token of its own, made and registered for it.
    ///
    /// # Errors
    /// If the registration does not arrive.
    pub async fn prepare(devnet: &'a Devnet, from: usize, to: usize) -> eyre::Result<Self> {
        let mut scene = Self { devnet, from, to, token: Address::ZERO };
        let account = devnet.account(from)?;
        let user = scene.user(&account);
        let arguments = DemoToken::constructorCall {
            name_: "Scene".to_owned(),
            symbol_: "SCN".to_owned(),
            supply: U256::from(SUPPLY),
            holder: account.address(),
        };
        scene.token = user.create(&DemoToken::BYTECODE, &arguments.abi_encode()).await?;
        let (spender, value) = (user.token_bridge, U256::MAX);
        user.call(scene.token, DemoToken::approveCall { spender, value }).await?;
        let there = devnet.configs[to].id;
        let fee = user.quote_registration(there).await?;
        let registration = user.register(scene.token, there, fee).await?;
        scene.arrives(registration).await?;
        Ok(scene)
    }

    /// The same lane's other direction; what is sent on it is the token's wrapper.
    pub fn source(&self) -> &'a Anvil {
        &self.devnet.chains[self.from]
    }

    /// The chain at the lane's end.
    pub fn destination(&self) -> &'a Anvil {
        &self.devnet.chains[self.to]
    }

    /// The devnet's user at the source.
    pub fn user<'b>(&self, account: &'b Account) -> BridgeUser<'b> {
        BridgeUser { account, token_bridge: self.devnet.contracts[self.from].token_bridge }
    }

    /// Deposits one unit `count` times; returns the last transaction, once it is in a block.
    ///
    /// # Errors
    /// If a deposit is not taken.
    pub async fn send(&self, count: usize) -> eyre::Result<B256> {
        let account = self.devnet.account(self.from)?;
        let last = self.submit(&account, count).await?;
        account.wait(last).await?;
        Ok(last)
    }

    /// As [`Scene::send`], all in one block: they become one batch.
    ///
    /// # Errors
    /// As [`Scene::send`].
    pub async fn send_in_one_block(&self, count: usize) -> eyre::Result<B256> {
        let account = self.devnet.account(self.from)?;
        let last = without_blocks(self.source(), async || self.submit(&account, count).await).await?;
        account.wait(last).await?;
        Ok(last)
    }

    async fn submit(&self, account: &Account, count: usize) -> eyre::Result<B256> {
        let me = account.address().into_word();
        let deposit = TokenBridge::depositCall {
            token: self.token,
            amount: U256::from(1),
            destinationChain: self.devnet.configs[self.to].id.0,
            to: me,
            refundTo: me,
            deadline: 0,
        };
        let calls: Vec<Bytes> = vec![deposit.abi_encode().into(); count];
        let sent = account.burst(self.user(account).token_bridge, &calls).await?;
        sent.last().copied().ok_or_eyre("nothing was to be sent")
    }

    /// What a core says of a transaction's messages.
    ///
    /// # Errors
    /// If the core cannot be asked.
    pub async fn messages(&self, transaction: B256) -> eyre::Result<Vec<MessageView>> {
        let core = CoreClient::new(self.devnet.core_urls[0].clone())?;
        Ok(core.transaction(transaction).await?.messages)
    }

    /// Waits until a transaction's messages have arrived.
    ///
    /// # Errors
    /// Saying where they are instead.
    pub async fn arrives(&self, transaction: B256) -> eyre::Result<Vec<MessageView>> {
        let core = CoreClient::new(self.devnet.core_urls[0].clone())?;
        Ok(core.follow(transaction, PATIENCE, |_| {}).await?)
    }

    /// Waits until people are told `words` of a transaction's first message.
    ///
    /// # Errors
    /// With what they are told instead.
    pub async fn is_told(&self, transaction: B256, words: &str) -> eyre::Result<()> {
        let mut told = String::new();
        until(&format!("status to say {words:?}"), async || {
            if let Some(message) = self.messages(transaction).await?.first() {
                told.clone_from(&message.reason);
            }
            Ok(told.contains(words).then_some(()))
        })
        .await
        .map_err(|error| eyre::eyre!("{error}, but {told:?}"))
    }

    /// The destination's inbox: what has been delivered, as the chain has it now.
    ///
    /// # Errors
    /// If the chain cannot be read.
    pub async fn inbox(&self) -> eyre::Result<B256> {
        let (source, destination) = (&self.devnet.configs[self.from], &self.devnet.configs[self.to]);
        let account = self.devnet.account(self.to)?;
        let lane = account.view(destination.gateway, Gateway::laneFromCall { remote: self.remote().await? });
        let lane = lane.await?;
        tracing::trace!(source = source.name, %lane, "inbox");
        Ok(account.view(destination.gateway, Gateway::inboxCall { lane }).await?)
    }

    /// The source as the destination's gateway names it.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub async fn remote(&self) -> eyre::Result<IGateway::Remote> {
        let (source, destination) = (&self.devnet.configs[self.from], &self.devnet.configs[self.to]);
        let outbox = Gateway::outboxCall { chain: destination.id.0 };
        let outbox = self.devnet.account(self.from)?.view(source.gateway, outbox).await?;
        Ok(IGateway::Remote {
            chain: source.id.0,
            generation: outbox.generation,
            gateway: source.gateway.into_word(),
        })
    }
}

/// Does something while a chain makes no blocks; afterwards it makes them again, however that ended.
///
/// # Errors
/// As what is done, or if the chain cannot be told.
pub async fn without_blocks<T>(chain: &Anvil, act: impl AsyncFnOnce() -> eyre::Result<T>) -> eyre::Result<T> {
    chain.stop_blocks().await?;
    let outcome = act().await;
    chain.start_blocks().await?;
    outcome
}

/// Asks until there is an answer.
///
/// # Errors
/// As the question, or when [`PATIENCE`] is over.
pub async fn until<T>(
    what: &str,
    mut question: impl AsyncFnMut() -> eyre::Result<Option<T>>,
) -> eyre::Result<T> {
    let began = Instant::now();
    loop {
        if let Some(answer) = question().await? {
            return Ok(answer);
        }
        if began.elapsed() > PATIENCE {
            bail!("waited {PATIENCE:?} for {what}");
        }
        sleep(POLL).await;
    }
}
