//! A chain of the devnet's own.

use std::{path::Path, sync::Arc, time::Duration};

use alloy_primitives::{Address, U256};
use eyre::bail;
use serde_json::{Value, json};
use tokio::{
    sync::Mutex,
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::{
    guard::Guard,
    ports::free_port,
    process::{Managed, Recipe},
    tools,
};

/// A chain to start.
#[derive(Debug, Clone)]
pub struct ChainSpec {
    /// Its name.
    pub name: String,
    /// Its chain id.
    pub id: u64,
    /// Between blocks; zero: a block for each transaction.
    pub block_time: Duration,
}

/// Who makes the blocks.
enum Blocks {
    /// The chain itself, as it was started.
    ByItself,
    /// A task of ours, until it is dropped.
    ByTask { _miner: DropGuard },
    /// Nobody: transactions wait in the pool.
    Stopped,
}

/// A running anvil.
pub struct Anvil {
    /// The process.
    pub process: Managed,
    /// Its port.
    pub port: u16,
    client: reqwest::Client,
    block_time: Duration,
    blocks: Mutex<Blocks>,
    /// Held while a block is made or blocks are replaced: anvil does both at once, and then replaces more than it was
    /// asked to, final blocks among them.
    turn: Arc<Mutex<()>>,
}

impl Anvil {
    /// Starts a chain on a free port. `finalized` lags the head by two blocks.
    pub(crate) async fn start(spec: &ChainSpec, folder: &Path, guard: &Guard) -> eyre::Result<Self> {
        let port = free_port()?;
        let arguments = [
            "--port",
            &port.to_string(),
            "--chain-id",
            &spec.id.to_string(),
            "--slots-in-an-epoch",
            "1",
            "--hardfork",
            "osaka",
            "--enable-tx-gas-limit",
            // As of Ethereum's blocks.
            "--gas-limit",
            "60000000",
            "--accounts",
            "1",
        ];
        let mut arguments = arguments.map(str::to_owned).to_vec();
        if !spec.block_time.is_zero() {
            arguments.extend(["--block-time".to_owned(), spec.block_time.as_secs_f64().to_string()]);
        }
        let recipe = Recipe {
            name: format!("anvil-{}", spec.name),
            program: tools::anvil()?,
            arguments,
            environment: Vec::new(),
            user: None,
            input: None,
            log: folder.join(format!("anvil-{}.log", spec.name)),
        };
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build()?;
        let mut anvil = Self {
            process: Managed::start(recipe, guard)?,
            port,
            client,
            block_time: spec.block_time,
            blocks: Mutex::new(Blocks::ByItself),
            turn: Arc::default(),
        };
        for _ in 0..400 {
            anvil.process.check()?;
            if anvil.rpc("eth_chainId", json!([])).await.is_ok() {
                return Ok(anvil);
            }
            sleep(Duration::from_millis(25)).await;
        }
        bail!("anvil does not answer; see {}", anvil.process.log().display())
    }

    /// Its HTTP endpoint.
    pub fn url(&self) -> Url {
        local(&format!("http://127.0.0.1:{}", self.port))
    }

    /// Its websocket.
    pub fn websocket(&self) -> Url {
        local(&format!("ws://127.0.0.1:{}", self.port))
    }

    /// Calls any method, `anvil_…` included.
    ///
    /// # Errors
    /// If it does not answer, or with its error.
    pub async fn rpc(&self, method: &str, params: Value) -> eyre::Result<Value> {
        rpc(&self.client, self.url(), method, params).await
    }

    /// Makes no more blocks: transactions wait in the pool.
    ///
    /// # Errors
    /// As [`Anvil::rpc`].
    pub async fn stop_blocks(&self) -> eyre::Result<()> {
        let mut blocks = self.blocks.lock().await;
        self.stop(&mut blocks).await
    }

    /// Makes blocks again, at its pace; returns after the first.
    ///
    /// # Errors
    /// As [`Anvil::rpc`].
    pub async fn start_blocks(&self) -> eyre::Result<()> {
        let mut blocks = self.blocks.lock().await;
        self.rpc("evm_mine", json!([])).await?;
        *blocks = self.start_miner();
        Ok(())
    }

    async fn stop(&self, blocks: &mut Blocks) -> eyre::Result<()> {
        *blocks = Blocks::Stopped;
        // The last one may still be in the making.
        let _turn = self.turn.lock().await;
        self.rpc("evm_setAutomine", json!([false])).await?;
        self.rpc("evm_setIntervalMining", json!([0])).await.map(drop)
    }

    /// The chain itself counts in whole seconds when told of its pace so late.
    fn start_miner(&self) -> Blocks {
        let stop = CancellationToken::new();
        let (client, url, pace) = (self.client.clone(), self.url(), self.block_time);
        let (ended, turn) = (stop.clone(), self.turn.clone());
        tokio::spawn(async move {
            let mut ticks = interval(pace.max(Duration::from_millis(50)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = ended.cancelled() => return,
                    _ = ticks.tick() => {}
                }
                let _turn = turn.lock().await;
                if ended.is_cancelled() {
                    return;
                }
                if let Err(error) = rpc(&client, url.clone(), "evm_mine", json!([])).await {
                    tracing::debug!(%error, "no block made");
                }
            }
        });
        Blocks::ByTask { _miner: stop.drop_guard() }
    }

    /// Gives an account native coin.
    ///
    /// # Errors
    /// As [`Anvil::rpc`].
    pub async fn fund(&self, account: Address, ether: u64) -> eyre::Result<()> {
        let wei = U256::from(ether) * U256::from(1_000_000_000_000_000_000u64);
        self.rpc("anvil_setBalance", json!([account, wei])).await.map(drop)
    }

    /// Replaces the last `depth` blocks by empty ones. From then on a task of ours makes the blocks, if the chain did.
    ///
    /// # Errors
    /// As [`Anvil::rpc`].
    pub async fn reorg(&self, depth: u64) -> eyre::Result<()> {
        let mut blocks = self.blocks.lock().await;
        if matches!(*blocks, Blocks::ByItself) && !self.block_time.is_zero() {
            self.stop(&mut blocks).await?;
            // The chain's own last block may still be in the making.
            sleep(Duration::from_millis(50)).await;
            *blocks = self.start_miner();
        }
        let _turn = self.turn.lock().await;
        self.rpc("anvil_reorg", json!([depth, []])).await.map(drop)
    }

    /// All blocks and the newest state, for [`Anvil::load`].
    pub(crate) async fn dump(&self) -> eyre::Result<Value> {
        self.rpc("anvil_dumpState", json!([false])).await
    }

    /// Takes over what another node dumped, and goes on from there.
    pub(crate) async fn load(&self, dump: Value) -> eyre::Result<()> {
        match self.rpc("anvil_loadState", json!([dump])).await? {
            Value::Bool(true) => Ok(()),
            other => bail!("anvil did not take the state: {other}"),
        }
    }
}

async fn rpc(client: &reqwest::Client, url: Url, method: &str, params: Value) -> eyre::Result<Value> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let mut answer: Value = client.post(url).json(&body).send().await?.json().await?;
    if let Some(error) = answer.get("error") {
        bail!("{method}: {error}");
    }
    Ok(answer["result"].take())
}

pub(crate) fn local(url: &str) -> Url {
    #[expect(clippy::expect_used, reason = "loopback with a port always parses")]
    Url::parse(url).expect("a URL")
}
