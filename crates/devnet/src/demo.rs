//! The demo: a token goes out, comes back, goes elsewhere; a message calls a contract. Every step is told as it
//! happens, and at the end the chains themselves are asked whether all arrived once.

use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, U256};
use alloy_sol_types::SolConstructor;
use eyre::ensure;
use icc_api::CoreClient;
use icc_chain_evm::{
    Account, BridgeUser,
    bindings::{DemoToken, MessageBoard},
    token_id,
};

use crate::{Devnet, audit_token};

/// Longest that one step of the demo may take.
const PATIENCE: Duration = Duration::from_secs(90);
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
        for there in [1, 2] {
            let transaction = users[0].register(token, self.id(there)).await?;
            self.arrive(&format!("register DEMO on {}", self.name(there)), transaction).await?;
        }
        let transaction = users[0].deposit(token, units(100), self.id(1), me).await?;
        self.arrive(&format!("100 DEMO {} → {}", self.name(0), self.name(1)), transaction).await?;
        let wrapper = users[1].local(id).await?;
        let transaction = users[1].deposit(wrapper, units(40), self.id(0), me).await?;
        self.arrive(&format!("40 DEMO {} → {}", self.name(1), self.name(0)), transaction).await?;
        let transaction = users[0].deposit(token, units(25), self.id(2), me).await?;
        self.arrive(&format!("25 DEMO {} → {}", self.name(0), self.name(2)), transaction).await?;
        let transaction = users[0].message(self.id(2), board, 200_000, b"hello".as_slice().into()).await?;
        self.arrive(&format!("message {} → {}", self.name(0), self.name(2)), transaction).await?;

        self.check(&users, token, board).await
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

    async fn arrive(&self, what: &str, transaction: B256) -> eyre::Result<()> {
        let began = Instant::now();
        (self.tell)(&format!("\n{what}: sent in {transaction}"));
        let follow = self.core.follow(transaction, PATIENCE, |message| {
            (self.tell)(&format!(
                "  {:6.2} s  {:?}: {}",
                began.elapsed().as_secs_f64(),
                message.state,
                message.reason
            ));
        });
        follow.await?;
        Ok(())
    }

    /// By the chains alone.
    async fn check(&self, users: &[BridgeUser<'_>], token: Address, board: Address) -> eyre::Result<()> {
        let me = self.devnet.user.address();
        let id = token_id(self.devnet.configs[0].id, token);
        (self.tell)("\nbalances, read from the chains:");
        for (chain, expected) in [(0, 915), (1, 60), (2, 25)] {
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

    fn name(&self, chain: usize) -> &str {
        &self.devnet.configs[chain].name
    }

    fn id(&self, chain: usize) -> icc_protocol::ChainId {
        self.devnet.configs[chain].id
    }
}

fn units(tokens: u64) -> U256 {
    U256::from(tokens) * U256::from(UNIT)
}
