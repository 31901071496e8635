//! The devnet that tests share, and tokens with a home on each of its chains.

use std::{
    path::PathBuf,
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolConstructor};
use icc_api::CoreClient;
use icc_chain_evm::{
    Account, BridgeUser, TokenDeposit,
    bindings::{DemoToken, TokenBridge},
    token_id,
};
use icc_devnet::{Devnet, DevnetOptions, audit_token, wait_settled};
use icc_protocol::ChainId;
use tokio::runtime::Runtime;

pub const PATIENCE: Duration = Duration::from_secs(120);
const SUPPLY: u64 = 1_000_000;
/// A limit that no test reaches by accident.
pub const AMPLE: u128 = 1 << 100;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
/// Processes that outlive the last test are ended by the devnet's guard when this process ends.
static SHARED: Mutex<Option<Bridge>> = Mutex::new(None);

/// A devnet with a token at home on each chain, registered on all others.
pub struct Bridge {
    pub devnet: Devnet,
    /// Home token by chain.
    pub tokens: Vec<Address>,
}

/// What the processes of a devnet said last, told if a test fails: their logs go with the devnet.
struct LastWords(PathBuf);

impl Drop for LastWords {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let logs =
            ["core-0", "core-1", "indexer", "validator-0", "validator-1", "validator-2", "validator-3"];
        for name in logs {
            let log = std::fs::read(self.0.join(name).with_extension("log")).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("-- {name}, its last lines:\n{}", lines[lines.len().saturating_sub(25)..].join("\n"));
        }
    }
}

/// Runs a test alone on the shared devnet. After a failure the next test gets a new one.
pub fn with_bridge(test: impl AsyncFnOnce(&mut Bridge)) {
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let taken = shared.take();
    let bridge = RUNTIME.block_on(async {
        let mut bridge = match taken {
            Some(bridge) => bridge,
            None => Bridge::start().await,
        };
        let _told = LastWords(bridge.devnet.folder().to_owned());
        test(&mut bridge).await;
        bridge.devnet.check().unwrap();
        bridge
    });
    *shared = Some(bridge);
}

/// Runs a test on a devnet of its own, which it may leave broken, while no other test runs.
pub fn with_own_bridge(options: &DevnetOptions, test: impl AsyncFnOnce(&mut Bridge)) {
    let _alone = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    RUNTIME.block_on(async {
        let mut bridge = Bridge::start_with(options).await;
        let _told = LastWords(bridge.devnet.folder().to_owned());
        test(&mut bridge).await;
    });
}

pub fn icc() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_icc"))
}

/// A devnet of its own with fast blocks.
pub fn options() -> DevnetOptions {
    let mut options = DevnetOptions::new(icc());
    for (chain, milliseconds) in options.chains.iter_mut().zip([300, 500, 200]) {
        chain.block_time = Duration::from_millis(milliseconds);
    }
    // Logs that outlive a failure, on demand; each devnet its own.
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    options.folder =
        std::env::var_os("ICC_TEST_FOLDER").map(|folder| PathBuf::from(folder).join(number.to_string()));
    options
}

impl Bridge {
    pub async fn start() -> Self {
        Self::start_with(&options()).await
    }

    pub async fn start_with(options: &DevnetOptions) -> Self {
        let devnet = Devnet::start(options, |_| {}).await.unwrap();
        let mut bridge = Self { devnet, tokens: Vec::new() };
        for home in 0..3 {
            let token = bridge.make_token(home).await;
            bridge.tokens.push(token);
        }
        bridge
    }

    async fn make_token(&self, home: usize) -> Address {
        let account = self.account(home);
        let user = self.user(&account, home);
        let arguments = DemoToken::constructorCall {
            name_: format!("Token of {}", account.chain().name),
            symbol_: "TOK".to_owned(),
            supply: U256::from(SUPPLY),
            holder: account.address(),
        };
        let token = user.create(&DemoToken::BYTECODE, &arguments.abi_encode()).await.unwrap();
        let spender = user.token_bridge;
        user.call(token, DemoToken::approveCall { spender, value: U256::MAX }).await.unwrap();
        for there in (0..3).filter(|there| *there != home) {
            let fee = user.quote_registration(self.id(there)).await.unwrap();
            let transaction = user.register(token, self.id(there), fee).await.unwrap();
            self.arrived(transaction).await;
        }
        let id = token_id(self.id(home), token);
        for chain in 0..3 {
            self.limit(chain, id, AMPLE).await;
        }
        token
    }

    /// What may arrive at a chain within a window; departures stay unlimited.
    pub async fn limit(&self, chain: usize, id: B256, arrivals: u128) {
        let call = TokenBridge::setLimitsCall { tokenId: id, arrivals, departures: 0 };
        let at = self.devnet.contracts[chain].token_bridge;
        self.devnet.owner_acts(chain, vec![(at, call.abi_encode().into())]).await.unwrap();
    }

    /// Deposits a home token of chain `from`, and pays for it; returns the transaction.
    pub async fn deposit(&self, from: usize, to: usize, amount: u64) -> B256 {
        let account = self.account(from);
        let user = self.user(&account, from);
        let deposit =
            TokenDeposit::new(self.tokens[from], U256::from(amount), self.id(to), account.address());
        let fee = user.quote(&deposit).await.unwrap();
        user.deposit(&deposit, fee).await.unwrap()
    }

    pub fn id(&self, chain: usize) -> ChainId {
        self.devnet.configs[chain].id
    }

    pub fn account(&self, chain: usize) -> Account {
        self.devnet.account(chain).unwrap()
    }

    pub fn user<'a>(&self, account: &'a Account, chain: usize) -> BridgeUser<'a> {
        BridgeUser { account, token_bridge: self.devnet.contracts[chain].token_bridge }
    }

    pub fn core(&self) -> CoreClient {
        CoreClient::new(self.devnet.core_urls[0].clone()).unwrap()
    }

    pub async fn arrived(&self, transaction: B256) {
        self.core().follow(transaction, PATIENCE, |_| {}).await.unwrap();
    }

    /// Deposits `count` times one unit of a token on its way from `from` to `to`; waits until the last is in a block.
    pub async fn burst(&self, home: usize, from: usize, to: usize, count: usize) {
        let account = self.account(from);
        let user = self.user(&account, from);
        let local = user.local(token_id(self.id(home), self.tokens[home])).await.unwrap();
        let me = account.address().into_word();
        let call = TokenBridge::depositCall {
            token: local,
            amount: U256::from(1),
            destinationChain: self.id(to).0,
            to: me,
            refundTo: me,
            deadline: 0,
        };
        let calls: Vec<Bytes> = vec![call.abi_encode().into(); count];
        let sent = account.burst(user.token_bridge, &calls).await.unwrap();
        account.wait(*sent.last().unwrap()).await.unwrap();
    }

    pub async fn balance(&self, home: usize, chain: usize) -> U256 {
        let account = self.account(chain);
        let user = self.user(&account, chain);
        let local = user.local(token_id(self.id(home), self.tokens[home])).await.unwrap();
        user.balance(local, account.address()).await.unwrap()
    }

    /// Everything sent is delivered, supply = held = escrow, and nobody gained or lost a unit; and `icc audit` finds
    /// nothing that is not as it must be.
    pub async fn audit(&self) {
        wait_settled(&self.devnet, PATIENCE).await.unwrap();
        for home in 0..3 {
            let mut outcome = Ok(());
            // A transfer whose call failed is executed by the relay soon after.
            for _ in 0..120 {
                outcome = audit_token(&self.devnet, home, self.tokens[home]).await.unwrap().check();
                if outcome.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            outcome.unwrap();
            let mut total = U256::ZERO;
            for chain in 0..3 {
                total += self.balance(home, chain).await;
            }
            assert_eq!(total, U256::from(SUPPLY), "units of token {home} over all chains");
        }
        icc_testkit::audit(&self.devnet, &icc(), PATIENCE).await.unwrap();
    }
}
