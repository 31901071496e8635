//! One schedule: phases of lies, then honesty.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy_primitives::Address;
use alloy_signer_local::PrivateKeySigner;
use icc_chain::Finality;
use icc_chain_evm::{EvmChain, EvmProver, FeePolicy};
use icc_protocol::Domain;
use icc_rpc::Endpoint;
use icc_service::Signer;
use icc_validator::{Attestor, Backlog, Journal, Publisher, WatchConfig, Watcher};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{
    chain::{GATEWAY, HERE, NETWORK, THERE, World, lane},
    node::{Stage, Wire},
    peers::Peers,
    plan::Plan,
};

/// Blocks from the tip to what is final.
const FINALITY: u64 = 4;
/// Within which all that is final must be signed once the adversary has stopped.
const RECOVERY: Duration = Duration::from_secs(20);

/// What a schedule came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Checkpoints signed.
    pub signed: u64,
    /// Calls answered from a fork.
    pub lies: u64,
}

/// What must not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Something was signed that the chain does not have, or not as final.
    #[error("seed {seed}: signed nonce {nonce}, which is not true, or not final yet")]
    Forged {
        /// The schedule.
        seed: u64,
        /// The nonce.
        nonce: u64,
    },
    /// Signing did not go on.
    #[error(
        "seed {seed}: {final_nonce} messages are final and {signed} signed, {RECOVERY:?} after the adversary stopped"
    )]
    Stalled {
        /// The schedule.
        seed: u64,
        /// Messages final.
        final_nonce: u64,
        /// Messages signed.
        signed: u64,
    },
    /// The validator ended.
    #[error("seed {seed}: {reason}")]
    Ended {
        /// The schedule.
        seed: u64,
        /// Why.
        reason: String,
    },
}

/// Runs the schedule of a seed.
///
/// # Errors
/// [`Failure`].
pub fn run(seed: u64) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| Failure::Ended { seed, reason: error.to_string() })?;
    runtime.block_on(async {
        let schedule = Schedule::new(seed).map_err(|reason| Failure::Ended { seed, reason })?;
        schedule.play().await
    })
}

struct Schedule {
    seed: u64,
    stage: Arc<Mutex<Stage>>,
    random: StdRng,
    endpoints: usize,
    attestor: Attestor,
    watching: tokio::task::JoinHandle<Result<(), icc_validator::WatchError>>,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Schedule {
    fn new(seed: u64) -> Result<Self, String> {
        let mut random = StdRng::seed_from_u64(seed);
        let mut world = World::new();
        for _ in 0..6 {
            grow(&mut world, &mut random);
        }
        let endpoints = random.random_range(3..=4);
        let stage = Stage::new(world, endpoints, StdRng::seed_from_u64(seed ^ 0x5eed));
        let stage = Arc::new(Mutex::new(stage));
        let wires = (0..endpoints).map(|endpoint| {
            let wire = Wire { stage: stage.clone(), endpoint };
            Endpoint::over(&format!("endpoint-{endpoint}"), Arc::new(wire))
        });
        let quorum = endpoints / 2 + 1;
        let prover = EvmProver::over(chain(quorum), wires.collect()).map_err(|error| error.to_string())?;
        let keys = (1..=[0, 3, 6][random.random_range(0..3)])
            .map(|byte| PrivateKeySigner::from_slice(&[byte; 32]).map_err(|error| error.to_string()))
            .collect::<Result<Vec<_>, _>>()?;
        let evil = keys.len() / 3;
        let peers = Arc::new(Peers { stage: stage.clone(), keys, evil });
        let all = peers.all();
        let peers = icc_validator::Peers::over(peers, Domain::new(NETWORK), all);
        let memory = PathBuf::from("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.map_err(|error| error.to_string())?;
        let journal =
            Journal::open(&folder.path().join("journal"), "adversary").map_err(|error| error.to_string())?;
        let key = PrivateKeySigner::from_slice(&[77; 32]).map_err(|error| error.to_string())?;
        let attestor = Attestor::new(journal, Signer::new(key), Domain::new(NETWORK));
        let config = WatchConfig {
            network: NETWORK,
            destinations: vec![THERE],
            start_block: 0,
            max_range: 100,
            idle: Duration::from_secs(1),
        };
        let signing = (attestor.clone(), Publisher::default());
        let watcher = Watcher::new(Arc::new(prover), signing, peers, Backlog::default(), config)
            .map_err(|error| error.to_string())?;
        let stop = CancellationToken::new();
        let watching = tokio::spawn(watcher.run(stop.clone()));
        Ok(Self { seed, stage, random, endpoints, attestor, watching, stop, _folder: folder })
    }

    async fn play(mut self) -> Result<Outcome, Failure> {
        if self.random.random_bool(0.8) {
            self.pass(3).await?;
        }
        for _ in 0..self.random.random_range(2..8) {
            self.draw_phase();
            let blocks = self.random.random_range(1..5);
            self.pass(blocks).await?;
        }
        self.stop_lying();
        self.recover().await?;
        let signed = self.signed().await.len() as u64;
        self.stop.cancel();
        let (seed, lies) = (self.seed, self.with(|stage| stage.lies));
        let ended = self.watching.await.map_err(|error| error.to_string());
        match ended {
            Ok(Ok(())) => Ok(Outcome { signed, lies }),
            Ok(Err(error)) => Err(Failure::Ended { seed, reason: error.to_string() }),
            Err(reason) => Err(Failure::Ended { seed, reason }),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Stage) -> T) -> T {
        act(&mut self.stage.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The adversary's endpoints mostly say the same; now and then each has a plan of its own.
    fn draw_phase(&mut self) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let stage = &mut *stage;
        let plan = Plan::draw(&mut self.random, &mut stage.world);
        for endpoint in 1..self.endpoints {
            stage.plans[endpoint] = if self.random.random_bool(0.8) {
                plan.clone()
            } else {
                Plan::draw(&mut self.random, &mut stage.world)
            };
        }
        stage.honest_is_cut = self.random.random_bool(0.5);
    }

    fn stop_lying(&self) {
        self.with(|stage| {
            stage.plans.fill(Plan::honest());
            stage.honest_is_cut = false;
        });
    }

    /// So many blocks are made, one a second.
    async fn pass(&mut self, blocks: u64) -> Result<(), Failure> {
        for _ in 0..blocks {
            sleep(Duration::from_secs(1)).await;
            self.check().await?;
            let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
            let world = &mut stage.world;
            if self.random.random_bool(0.1) {
                world.reorg(self.random.random_range(1..=FINALITY));
            }
            grow(world, &mut self.random);
        }
        Ok(())
    }

    async fn signed(&self) -> Vec<icc_attest::Attestation> {
        self.attestor.recorded(lane().id(), 0, 10_000).await.unwrap_or_default()
    }

    /// Everything signed so far is true, and final.
    async fn check(&self) -> Result<(), Failure> {
        let truth = self.with(|stage| stage.world.truth());
        for one in self.signed().await {
            if truth.get(&one.nonce) != Some(&one.accumulator) {
                return Err(Failure::Forged { seed: self.seed, nonce: one.nonce });
            }
        }
        Ok(())
    }

    async fn recover(&mut self) -> Result<(), Failure> {
        let (began, seed) = (Instant::now(), self.seed);
        let final_nonce = self.with(|stage| stage.world.truth().len() as u64);
        loop {
            self.pass(1).await?;
            let signed = self.signed().await.last().map_or(0, |one| one.nonce);
            if signed >= final_nonce {
                return Ok(());
            }
            if began.elapsed() > RECOVERY {
                return Err(Failure::Stalled { seed, final_nonce, signed });
            }
        }
    }
}

fn grow(world: &mut World, random: &mut StdRng) {
    world.grow(0, random.random_range(0..4));
    world.finalized = world.finalized.max(world.tip(0).saturating_sub(FINALITY));
}

fn chain(quorum: usize) -> EvmChain {
    EvmChain {
        id: HERE,
        name: "adversary".to_owned(),
        gateway: GATEWAY,
        token_bridge: Address::ZERO,
        registry: None,
        endpoints: (1..=2 * quorum - 1)
            .filter_map(|number| format!("http://127.0.0.{number}:1").parse().ok())
            .collect(),
        websocket: None,
        finality: Finality::Finalized,
        economic_finality: false,
        poll_interval: Duration::from_millis(400),
        timeout: Duration::from_secs(2),
        quorum,
        max_range: 100,
        fees: FeePolicy::default(),
    }
}
