//! What figures are measured on: a devnet with tokens that can be paid out to many.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolConstructor};
use eyre::OptionExt;
use icc_chain_evm::{
    Account, BridgeUser,
    bindings::{DemoToken, PayMany, TokenBridge},
};
use icc_devnet::{ChainSpec, Devnet, DevnetOptions, audit_token};

use super::cpu_seconds;
use crate::{audit, load::Load};

/// Different accounts that are paid: what a node's block costs grows with the storage of all.
const HOLDERS: u64 = 2_000;
/// Payments of one transaction; a transaction has 16.7 million gas (EIP-7825).
pub(crate) const MOST_PAYMENTS: usize = 250;

/// For what was sent to be delivered, before an audit.
const PATIENCE: Duration = Duration::from_secs(300);

/// A devnet, tokens on it, and the contracts that pay them out.
pub(crate) struct Rig {
    pub(crate) devnet: Devnet,
    pub(crate) load: Load,
    icc: PathBuf,
    /// By chain.
    payers: Vec<Address>,
    /// How many of the following chains a chain's token is registered on.
    reach: usize,
    next_holder: u64,
}

/// Options for `chains` chains with blocks every `block_time`.
pub(crate) fn options(base: &DevnetOptions, chains: usize, block_time: Duration) -> DevnetOptions {
    let chains = (0..chains).map(|number| ChainSpec {
        name: format!("chain{number}"),
        id: 32_001 + number as u64,
        block_time,
    });
    DevnetOptions { chains: chains.collect(), ..base.clone() }
}

/// UNIX seconds.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

impl Rig {
    /// Starts a devnet; each chain's token is registered on the `reach` following chains.
    pub(crate) async fn start(options: &DevnetOptions, reach: usize) -> eyre::Result<Self> {
        let devnet = Devnet::start(options, |_| {}).await?;
        let load = Load::reaching(&devnet, reach).await?;
        let mut payers = Vec::new();
        for (chain, contracts) in devnet.contracts.iter().enumerate() {
            let account = load.account(chain)?;
            let user = BridgeUser { account: &account, token_bridge: contracts.token_bridge };
            let arguments = PayMany::constructorCall { bridge: contracts.token_bridge };
            let payer = user.create(&PayMany::BYTECODE, &arguments.abi_encode()).await?;
            let token = load.tokens()[chain].at[chain];
            user.call(token, DemoToken::approveCall { spender: payer, value: U256::MAX }).await?;
            payers.push(payer);
        }
        Ok(Self { devnet, load, icc: options.icc.clone(), payers, reach, next_holder: 0 })
    }

    /// All lanes that tokens can take: (from, to).
    pub(crate) fn lanes(&self) -> Vec<(usize, usize)> {
        let chains = self.devnet.chains.len();
        (0..chains)
            .flat_map(|from| (1..=self.reach).map(move |step| (from, (from + step) % chains)))
            .collect()
    }

    /// A call that pays `count` different accounts on another chain.
    pub(crate) fn payment(&mut self, from: usize, to: usize, count: usize) -> Bytes {
        let payments = (0..count.min(MOST_PAYMENTS)).map(|_| {
            self.next_holder = (self.next_holder + 1) % HOLDERS;
            let holder = B256::left_padding_from(&(0x1000_0000 + self.next_holder).to_be_bytes());
            PayMany::Payment { to: holder, amount: U256::from(1) }
        });
        PayMany::payCall {
            payments: payments.collect(),
            token: self.load.tokens()[from].at[from],
            chain: self.devnet.configs[to].id.0,
            refundTo: B256::left_padding_from(&[1]),
            deadline: 0,
        }
        .abi_encode()
        .into()
    }

    /// Where payments of a chain are sent to.
    pub(crate) fn payer(&self, chain: usize) -> Address {
        self.payers[chain]
    }

    /// A deposit of one unit, alone in its transaction.
    pub(crate) fn deposit(&mut self, from: usize, to: usize) -> (Address, Bytes) {
        self.next_holder = (self.next_holder + 1) % HOLDERS;
        let holder = B256::left_padding_from(&(0x1000_0000 + self.next_holder).to_be_bytes());
        let call = TokenBridge::depositCall {
            token: self.load.tokens()[from].at[from],
            amount: U256::from(1),
            destinationChain: self.devnet.configs[to].id.0,
            to: holder,
            refundTo: B256::left_padding_from(&[1]),
            deadline: 0,
        };
        (self.devnet.contracts[from].token_bridge, call.abi_encode().into())
    }

    /// `icc audit`, once all that was sent is delivered; and supply = held = escrow for every token, to the last unit.
    pub(crate) async fn audit(&self) -> eyre::Result<()> {
        audit(&self.devnet, &self.icc, PATIENCE).await?;
        for token in self.load.tokens() {
            audit_token(&self.devnet, token.home, token.at[token.home]).await?.check()?;
        }
        Ok(())
    }

    /// The load's account on each chain.
    pub(crate) fn accounts(&self) -> eyre::Result<Vec<Account>> {
        (0..self.devnet.chains.len()).map(|chain| self.load.account(chain)).collect()
    }

    /// Processor seconds so far: of the bridge's own processes, and of everything (chains and database too).
    pub(crate) fn cpu(&self) -> eyre::Result<(f64, f64)> {
        let ids = self.devnet.processes.values().filter_map(|process| process.id());
        let own: f64 = ids.map(cpu_seconds).sum();
        let others =
            self.devnet.chains.iter().map(|chain| &chain.process).chain([&self.devnet.postgres.process]);
        let mut all = own;
        for process in others {
            all += cpu_seconds(process.id().ok_or_eyre("a chain or the database has ended")?);
        }
        Ok((own, all))
    }
}
