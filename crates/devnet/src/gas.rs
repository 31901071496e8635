//! What the bridge costs: gasUsed of receipts on anvil, hardfork osaka, bytecode as deployed, steady state (no slot
//! goes from zero, the token's holder exists, no 256th nonce), 13 of 19 signatures.

mod registry;

use std::{path::Path, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::{SolCall, SolConstructor};
use icc_chain::GasPrice;
use icc_chain_evm::{
    Account, BridgeUser, EvmChain, TokenDeposit,
    bindings::{DemoToken, Gateway, IGateway, NoOpReceiver, TokenBridge},
    deploy::{self, Contracts, HubSite, Plan, RemoteSite, Site},
    timelock, token_id,
};
use icc_protocol::{
    Checkpoint, Domain, Kind, Lane, LaneId, Message, NetworkId, OVERHEAD_GAS, SignatureSet, ValidatorSet,
    fold,
};
use icc_service::Signer;

use crate::{Anvil, ChainSpec, bootstrap::chain, guard::Guard};

const VALIDATORS: usize = 19;
/// As TokenBridge.TRANSFER_GAS.
const TRANSFER_GAS: u32 = 180_000;
/// A limit that is on, and not reached.
const AMPLE: u128 = 1 << 100;

/// One figure.
#[derive(Debug, Clone)]
pub struct GasRow {
    /// What was measured.
    pub what: &'static str,
    /// Gas; per message for batches.
    pub gas: u64,
}

struct Bench {
    source: Account,
    destination: Account,
    here: Contracts,
    there: Contracts,
    network: NetworkId,
    set: ValidatorSet,
    signers: Vec<Signer>,
    /// The lane's accumulator and nonce at the source, and what is not delivered yet.
    accumulator: B256,
    nonce: u64,
    pending: Vec<Bytes>,
    delivered: B256,
    /// Of all messages of the lane, and the accumulator after each.
    leaves: Vec<B256>,
    accumulators: Vec<B256>,
    /// On the destination.
    registry: Address,
}

/// Measures everything; `icc` is the binary that guards the chains' processes.
///
/// # Errors
/// If anything fails or reverts.
pub async fn measure_gas(icc: &Path) -> eyre::Result<Vec<GasRow>> {
    icc_service::install_tls();
    let folder = tempfile::tempdir()?;
    let guard = Guard::start(icc)?;
    let mut chains = Vec::new();
    for (name, id) in [("source", 31_101), ("destination", 31_102)] {
        let spec = ChainSpec { name: name.to_owned(), id, block_time: Duration::ZERO };
        let anvil = Anvil::start(&spec, folder.path(), &guard).await?;
        chains.push((chain(&spec, &anvil), anvil));
    }
    let mut bench = Bench::new(&chains).await?;
    bench.run().await
}

impl Bench {
    async fn new(chains: &[(EvmChain, Anvil)]) -> eyre::Result<Self> {
        let user = Arc::new(PrivateKeySigner::random());
        let mut signers: Vec<Signer> =
            (0..VALIDATORS).map(|_| Signer::new(PrivateKeySigner::random())).collect();
        signers.sort_by_key(Signer::address);
        let set = ValidatorSet::new(signers.iter().map(Signer::address).collect())?;
        let network = NetworkId(B256::repeat_byte(0x1C));
        let plan = Plan {
            network,
            guardian: user.address(),
            epoch: 1,
            validators: set.clone(),
            hub_time: crate::hub::first_epoch_time(),
            min_validators: 1,
            timelock_delay: 0,
            min_deadline_delay: 3600,
            rate_window: 86_400,
            fee_updater: user.address(),
            fee_collector: user.address(),
        };
        let mut accounts = Vec::new();
        let mut contracts = Vec::new();
        for (config, anvil) in chains {
            anvil.fund(user.address(), 1000).await?;
            let mut config = config.clone();
            let account = Account::new(config.clone(), user.clone())?;
            let at = deploy::contracts(&account, &plan, Site::default()).await?;
            config.gateway = at.gateway;
            accounts.push(Account::new(config, user.clone())?);
            contracts.push(at);
        }
        let treasury = crate::hub::plan(user.address());
        let registry = deploy::registry(&accounts[1], &plan, &treasury, contracts[1].timelock).await?;
        let hub = HubSite { chain: accounts[1].chain().id, registry };
        for (here, there) in [(0, 1), (1, 0)] {
            let price = Some(GasPrice { price: 1 << 46, overhead_gas: OVERHEAD_GAS, set_at: 0 });
            let chain = accounts[there].chain().id;
            let remote = [RemoteSite { chain, contracts: contracts[there], price, economic_finality: false }];
            deploy::open_lanes(&accounts[here], &contracts[here], &remote, &plan, Some(hub)).await?;
        }
        let lane = Lane {
            network,
            source_chain: accounts[0].chain().id,
            source_gateway: contracts[0].gateway.into_word(),
            destination_chain: accounts[1].chain().id,
            destination_gateway: contracts[1].gateway.into_word(),
            generation: 1,
        }
        .id();
        let (Some(destination), Some(source)) = (accounts.pop(), accounts.pop()) else {
            eyre::bail!("two chains are needed");
        };
        let (here, there) = (contracts[0], contracts[1]);
        let (accumulator, delivered) = (lane.0, lane.0);
        Ok(Self {
            source,
            destination,
            here,
            there,
            network,
            set,
            signers,
            accumulator,
            nonce: 0,
            pending: Vec::new(),
            delivered,
            leaves: Vec::new(),
            accumulators: Vec::new(),
            registry,
        })
    }

    async fn run(&mut self) -> eyre::Result<Vec<GasRow>> {
        let remote = BridgeUser { account: &self.destination, token_bridge: self.there.token_bridge };
        let no_op = remote.create(&NoOpReceiver::BYTECODE, &[]).await?;
        let mut rows = Vec::new();
        // The first of each kind makes slots non-zero, and is not counted.
        self.send(no_op).await?;
        self.deliver().await?;
        rows.push(GasRow { what: "send a message", gas: self.send(no_op).await? });
        rows.push(GasRow { what: "deliver one message", gas: self.deliver().await? });
        for (what, count) in [("per message in a batch of 10", 10), ("per message in a batch of 100", 100)] {
            for _ in 0..count {
                self.send(no_op).await?;
            }
            rows.push(GasRow { what, gas: self.deliver().await? / count });
        }
        let token = self.token().await?;
        // Twice: the flow's slot is zero after the first.
        for _ in 0..2 {
            self.deposit(token, U256::ZERO).await?;
            self.deliver().await?;
        }
        rows.push(GasRow { what: "lock a token", gas: self.deposit(token, U256::ZERO).await? });
        rows.push(GasRow { what: "deliver one token mint", gas: self.deliver().await? });
        let fee = self.quote(token).await?;
        rows.push(GasRow { what: "lock a token, delivery paid", gas: self.deposit(token, fee).await? });
        self.deliver().await?;
        rows.extend(self.registry_rows(no_op).await?);
        Ok(rows)
    }

    async fn quote(&self, token: Address) -> eyre::Result<U256> {
        let user = BridgeUser { account: &self.source, token_bridge: self.here.token_bridge };
        let me = self.source.address();
        let deposit = TokenDeposit::new(token, U256::from(1000u64), self.destination.chain().id, me);
        Ok(user.quote(&deposit).await?)
    }

    async fn send(&mut self, recipient: Address) -> eyre::Result<u64> {
        let payload = Bytes::from(vec![0x5A; 32]);
        let call = Gateway::sendCall {
            destinationChain: U256::from(self.destination.chain().id.0),
            recipient: recipient.into_word(),
            gasLimit: 100_000,
            deadline: 0,
            payload: payload.clone(),
        };
        let receipt = self.source.send(self.here.gateway, call).await?;
        self.note(self.source.address(), recipient, 100_000, payload);
        Ok(receipt.gas_used)
    }

    /// A token that is registered, with its registration executed, and approved without limit.
    async fn token(&mut self) -> eyre::Result<Address> {
        let me = self.source.address();
        let user = BridgeUser { account: &self.source, token_bridge: self.here.token_bridge };
        let arguments = DemoToken::constructorCall {
            name_: "Demo".to_owned(),
            symbol_: "DEMO".to_owned(),
            supply: U256::from(1_000_000u64),
            holder: me,
        };
        let token = user.create(&DemoToken::BYTECODE, &arguments.abi_encode()).await?;
        let spender = self.here.token_bridge;
        self.source.send(token, DemoToken::approveCall { spender, value: U256::MAX }).await?;
        user.register(token, self.destination.chain().id, U256::ZERO).await?;
        let mut payload = vec![2];
        payload.extend(token.into_word());
        payload.extend([18, 4]);
        payload.extend(b"DemoDEMO");
        self.note(self.here.token_bridge, self.there.token_bridge, 800_000, payload.into());
        let message = self.pending[0].clone();
        self.deliver().await?;
        let call = Gateway::executeCall { source: self.remote(), message };
        self.destination.send(self.there.gateway, call).await?;
        let id = token_id(self.source.chain().id, token);
        for (account, at) in [(&self.source, self.here), (&self.destination, self.there)] {
            let limits =
                TokenBridge::setLimitsCall { tokenId: id, arrivals: AMPLE, departures: AMPLE }.abi_encode();
            timelock::through_timelock(account, at.timelock, vec![(at.token_bridge, limits.into())]).await?;
        }
        Ok(token)
    }

    async fn deposit(&mut self, token: Address, fee: U256) -> eyre::Result<u64> {
        let me = self.source.address().into_word();
        let call = TokenBridge::depositCall {
            token,
            amount: U256::from(1000u64),
            destinationChain: self.destination.chain().id.0,
            to: me,
            refundTo: me,
            deadline: 0,
        };
        let receipt = self.source.pay(self.here.token_bridge, call, fee).await?;
        let mut payload = vec![1];
        payload.extend(token_id(self.source.chain().id, token));
        payload.extend(1000u128.to_be_bytes());
        payload.extend(me);
        payload.extend(me);
        self.note(self.here.token_bridge, self.there.token_bridge, TRANSFER_GAS, payload.into());
        Ok(receipt.gas_used)
    }

    /// Follows what the gateway did; a delivery fails if this differs from it.
    fn note(&mut self, sender: Address, recipient: Address, gas_limit: u32, payload: Bytes) {
        self.nonce += 1;
        let message = Message {
            kind: Kind::Call,
            nonce: self.nonce,
            deadline: 0,
            gas_limit,
            sender: sender.into_word(),
            recipient: recipient.into_word(),
            payload,
        };
        self.accumulator = fold(self.accumulator, message.leaf());
        self.leaves.push(message.leaf());
        self.accumulators.push(self.accumulator);
        self.pending.push(message.encode().into());
    }

    fn remote(&self) -> IGateway::Remote {
        IGateway::Remote {
            chain: self.source.chain().id.0,
            generation: 1,
            gateway: self.here.gateway.into_word(),
        }
    }

    async fn lane(&self) -> eyre::Result<LaneId> {
        let remote = IGateway::Remote {
            chain: self.destination.chain().id.0,
            generation: 1,
            gateway: self.there.gateway.into_word(),
        };
        Ok(LaneId(self.source.view(self.here.gateway, Gateway::laneToCall { remote }).await?))
    }

    /// 13 of 19 signatures.
    fn quorum(&self, digest: B256) -> eyre::Result<Vec<u8>> {
        let mut signatures = Vec::new();
        for signer in &self.signers {
            signatures.push((signer.address(), signer.sign(&digest)?));
        }
        Ok(SignatureSet::of_quorum(&self.set, signatures).map(|set| set.pack()).unwrap_or_default())
    }

    /// Delivers what is pending under 13 of 19 signatures.
    async fn deliver(&mut self) -> eyre::Result<u64> {
        let lane = self.lane().await?;
        let checkpoint = Checkpoint { lane, nonce: self.nonce, accumulator: self.accumulator };
        let packed = self.quorum(Domain::new(self.network).checkpoint_digest(&checkpoint))?;
        let mut messages = Vec::new();
        for message in self.pending.drain(..) {
            messages.extend(u16::try_from(message.len())?.to_be_bytes());
            messages.extend(message);
        }
        let delivery = IGateway::Delivery {
            source: self.remote(),
            startAccumulator: self.delivered,
            signatures: packed.into(),
            messages: messages.into(),
            tail: Vec::new(),
        };
        let receipt = self.destination.send(self.there.gateway, Gateway::deliverCall { delivery }).await?;
        self.delivered = self.accumulator;
        Ok(receipt.gas_used)
    }
}
