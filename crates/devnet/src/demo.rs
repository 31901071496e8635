//! The demo: a token goes out, comes back, goes elsewhere through home, waits in a rate limit's queue, is refunded; a
//! message calls a contract; native coin goes and returns. Every step is told as it happens, and at the end the chains themselves are asked whether all arrived once.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::{SolCall, SolConstructor};
use eyre::ensure;
use icc_api::CoreClient;
use icc_chain_evm::{
    Account, BridgeUser, OutgoingMessage, TokenDeposit,
    bindings::{DemoToken, MessageBoard, TokenBridge},
    token_id,
};

use crate::{
    Devnet, audit_token,
    network::{MIN_DEADLINE_DELAY_SECONDS, RATE_WINDOW_SECONDS},
};

/// Longest that one step of the demo may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// Tokens that may go or come within a window.
const LIMIT: u64 = 500;
/// One whole token.
const UNIT: u64 = 1_000_000_000_000_000_000;

/// Runs the demo on a network.
pub struct Demo<'a, T: Fn(&str)> {
    devnet: &'a Devnet,
    core: CoreClient,
    tell: T,
}

impl<'a, T: Fn(&str)> Demo<'a, T> {
    /// A demo that tells its steps.
    ///
    /// # Errors
    /// If no client can be made.
    pub fn new(devnet: &'a Devnet, tell: T) -> eyre::Result<Self> {
        Ok(Self { core: CoreClient::new(devnet.core_urls[0].clone())?, devnet, tell })
    }

    /// Runs it.
    ///
    /// # Errors
    /// If anything does not arrive, arrives twice, or supply and escrow differ.
    pub async fn run(&self) -> eyre::Result<()> {
        let accounts: Vec<Account> =
            (0..3).map(|chain| self.devnet.account(chain)).collect::<eyre::Result<_>>()?;
        let users: Vec<BridgeUser<'_>> = accounts
            .iter()
            .zip(&self.devnet.contracts)
            .map(|(account, contracts)| BridgeUser { account, token_bridge: contracts.token_bridge })
            .collect();
        let me = self.devnet.user.address();

        let (token, board) = self.deploy(&users, me).await?;
        let id = token_id(self.devnet.configs[0].id, token);
        self.register(&users, token, id).await?;

        let deposit = TokenDeposit::new(token, units(100), self.id(1), me);
        self.transfer(&users[0], &deposit, "100 DEMO").await?;
        let wrapper = users[1].local(id).await?;
        let home = TokenDeposit::new(wrapper, units(40), self.id(0), me);
        let through_home = TokenDeposit::new(wrapper, units(25), self.id(2), me);
        let message = OutgoingMessage {
            to: self.id(2),
            recipient: board,
            gas_limit: 200_000,
            deadline: 0,
            payload: b"hello".as_slice().into(),
        };
        let from_beta = async {
            self.transfer(&users[1], &home, "40 DEMO").await?;
            self.transfer(&users[1], &through_home, "25 DEMO through home").await
        };
        let from_alpha = async {
            let fee = users[0].quote_message(&message).await?;
            let transaction = users[0].message(&message, fee).await?;
            let what = format!("message {} → {}", self.name(0), self.name(2));
            self.end(&what, transaction, true).await
        };
        tokio::try_join!(from_beta, from_alpha)?;
        self.above_the_limit(&users[0], token, id).await?;
        tokio::try_join!(self.refund(&users[0], token, id), self.native(&users[1]))?;
        self.check(&users, token, board).await
    }

    /// Makes the token known on the other chains, with limits on all.
    async fn register(&self, users: &[BridgeUser<'_>], token: Address, id: B256) -> eyre::Result<()> {
        for there in [1, 2] {
            let fee = users[0].quote_registration(self.id(there)).await?;
            let transaction = users[0].register(token, self.id(there), fee).await?;
            self.end(&format!("register DEMO on {}", self.name(there)), transaction, true).await?;
        }
        for chain in 0..3 {
            self.limit(chain, id, LIMIT).await?;
        }
        (self.tell)(&format!("\nlimits of DEMO: {LIMIT} in {RATE_WINDOW_SECONDS} s and direction"));
        Ok(())
    }

    async fn limit(&self, chain: usize, token_id: B256, tokens: u64) -> eyre::Result<()> {
        let amount: u128 = units(tokens).to();
        let call = TokenBridge::setLimitsCall { tokenId: token_id, arrivals: amount, departures: amount };
        let at = self.devnet.contracts[chain].token_bridge;
        self.devnet.owner_acts(chain, vec![(at, call.abi_encode().into())]).await
    }

    async fn transfer(&self, user: &BridgeUser<'_>, deposit: &TokenDeposit, what: &str) -> eyre::Result<()> {
        let fee = user.quote(deposit).await?;
        let transaction = user.deposit(deposit, fee).await?;
        let (from, to) = (&user.account.chain().name, self.name_of(deposit.to));
        self.end(&format!("{what} {from} → {to}"), transaction, true).await
    }

    /// More than may arrive within one window waits in the queue, and is then released by a core.
    async fn above_the_limit(&self, user: &BridgeUser<'_>, token: Address, id: B256) -> eyre::Result<()> {
        self.limit(2, id, 50).await?;
        let deposit = TokenDeposit::new(token, units(60), self.id(2), self.devnet.user.address());
        self.transfer(user, &deposit, "60 DEMO, of which 50 may arrive at once,").await
    }

    /// While the guardian has paused releases, a transfer with a deadline comes back.
    async fn refund(&self, user: &BridgeUser<'_>, token: Address, id: B256) -> eyre::Result<()> {
        let operator = Account::new(self.devnet.configs[2].clone(), self.devnet.operator.clone())?;
        let bridge = self.devnet.contracts[2].token_bridge;
        operator
            .send(bridge, TokenBridge::pauseCall { tokenId: id, deposits: false, releases: true })
            .await?;
        let mut deposit = TokenDeposit::new(token, units(10), self.id(2), self.devnet.user.address());
        deposit.deadline = now() + MIN_DEADLINE_DELAY_SECONDS + 5;
        let fee = user.quote(&deposit).await?;
        let transaction = user.deposit(&deposit, fee).await?;
        let what = format!("10 DEMO {} → {}, where releases are paused,", self.name(0), self.name(2));
        self.end(&what, transaction, false).await?;
        let call = TokenBridge::unpauseCall { tokenId: id, deposits: false, releases: false };
        self.devnet.owner_acts(2, vec![(bridge, call.abi_encode().into())]).await
    }

    /// The coin of a chain goes out wrapped, and comes back as coin.
    async fn native(&self, home: &BridgeUser<'_>) -> eyre::Result<()> {
        let wrapped = home.wrapped_native().await?;
        let id = token_id(self.id(1), wrapped);
        let fee = home.quote_registration(self.id(2)).await?;
        let transaction = home.register(wrapped, self.id(2), fee).await?;
        let what = format!("register the coin of {} on {}", self.name(1), self.name(2));
        self.end(&what, transaction, true).await?;
        for chain in [1, 2] {
            self.limit(chain, id, LIMIT).await?;
        }
        let me = self.devnet.user.address();
        let out = TokenDeposit { token: None, ..TokenDeposit::new(wrapped, units(3), self.id(2), me) };
        self.transfer(home, &out, "3 coins").await?;
        let before = home.account.balance().await?;
        let account = self.devnet.account(2)?;
        let away = BridgeUser { account: &account, token_bridge: self.devnet.contracts[2].token_bridge };
        let back = TokenDeposit::new(away.local(id).await?, units(2), self.id(1), me);
        self.transfer(&away, &back, "2 coins").await?;
        let came = home.account.balance().await? - before;
        ensure!(came == units(2), "2 coins should have come back, not {came} wei");
        Ok(())
    }

    async fn deploy(&self, users: &[BridgeUser<'_>], me: Address) -> eyre::Result<(Address, Address)> {
        let arguments = DemoToken::constructorCall {
            name_: "Demo token".to_owned(),
            symbol_: "DEMO".to_owned(),
            supply: units(1000),
            holder: me,
        };
        let token = users[0].create(&DemoToken::BYTECODE, &arguments.abi_encode()).await?;
        let arguments = MessageBoard::constructorCall { gateway_: self.devnet.contracts[2].gateway };
        let board = users[2].create(&MessageBoard::BYTECODE, &arguments.abi_encode()).await?;
        (self.tell)(&format!(
            "DEMO is {token} on {}, the message board {board} on {}",
            self.name(0),
            self.name(2)
        ));
        Ok((token, board))
    }

    /// Follows a transaction to its end, which must be arrival, or refund.
    async fn end(&self, what: &str, transaction: B256, arrives: bool) -> eyre::Result<()> {
        let began = Instant::now();
        (self.tell)(&format!("\n{what}: sent in {transaction}"));
        let follow = self.core.follow(transaction, PATIENCE, |message| {
            (self.tell)(&format!(
                "  {:6.2} s  {what}: {:?}: {}",
                began.elapsed().as_secs_f64(),
                message.state,
                message.reason
            ));
        });
        for message in follow.await? {
            ensure!(message.state.has_arrived() == arrives, "{what} ended as {:?}", message.state);
        }
        Ok(())
    }

    /// By the chains alone.
    async fn check(&self, users: &[BridgeUser<'_>], token: Address, board: Address) -> eyre::Result<()> {
        let me = self.devnet.user.address();
        let id = token_id(self.devnet.configs[0].id, token);
        (self.tell)("\nbalances, read from the chains:");
        for (chain, expected) in [(0, 880), (1, 35), (2, 85)] {
            let local = users[chain].local(id).await?;
            let balance = users[chain].balance(local, me).await?;
            (self.tell)(&format!("  {:6} {} DEMO", self.name(chain), balance / U256::from(UNIT)));
            ensure!(balance == units(expected), "{} should be {expected} DEMO", self.name(chain));
        }
        let audit = audit_token(self.devnet, 0, token).await?;
        audit.check()?;
        let supply: U256 = audit.remotes.iter().map(|(_, _, supply)| *supply).sum();
        (self.tell)(&format!(
            "  supply on {} and {} {} = escrow on {} {}",
            self.name(1),
            self.name(2),
            supply / U256::from(UNIT),
            self.name(0),
            audit.escrow / U256::from(UNIT)
        ));
        let count: U256 = users[2].account.view(board, MessageBoard::countCall {}).await?;
        ensure!(count == U256::from(1), "the message board has {count} messages, not 1");
        let payload = users[2].account.view(board, MessageBoard::lastPayloadCall {}).await?;
        ensure!(payload.as_ref() == b"hello", "the message board has another message");
        (self.tell)(&format!("  the message board on {} got the message once", self.name(2)));
        Ok(())
    }

    fn name_of(&self, id: icc_protocol::ChainId) -> &str {
        let found = self.devnet.configs.iter().find(|config| config.id == id);
        found.map_or("?", |config| &config.name)
    }

    fn name(&self, chain: usize) -> &str {
        &self.devnet.configs[chain].name
    }

    fn id(&self, chain: usize) -> icc_protocol::ChainId {
        self.devnet.configs[chain].id
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

fn units(tokens: u64) -> U256 {
    U256::from(tokens) * U256::from(UNIT)
}
