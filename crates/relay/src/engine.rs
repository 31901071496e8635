//! A worker per lane, woken by the database.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use alloy_primitives::B256;
use icc_chain::{Hub, Submitter};
use icc_protocol::{ChainId, Domain, LaneId};
use icc_store::{Store, StoreError};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    chores::Chores,
    epochs::{Heard, SetVoices},
    evidence::Accuser,
    prices::PriceUpdates,
    worker::LaneWorker,
};

/// How often to look for lanes that were opened.
const LANE_SCAN: Duration = Duration::from_secs(1);
/// How long workers may take to end after shutdown.
const DRAIN: Duration = Duration::from_secs(5);

/// How to relay.
#[derive(Debug, Clone)]
pub struct RelayConfig {
    /// This process, unlike any other that is or was.
    pub owner: String,
    /// The pool's signers, each a 32-byte address.
    pub signers: Vec<B256>,
    /// Gas that a batch aims at.
    pub batch_gas: u64,
    /// How long to wait for inclusion before offering more.
    pub replace_after: Duration,
    /// How gas prices are kept; `None`: not by this core.
    pub prices: Option<PriceUpdates>,
    /// How validator sets are kept; `None`: there is no registry.
    pub epochs: Option<EpochKeeping>,
    /// How lies are proved; `None`: not by this core.
    pub accuser: Option<AccuserHandle>,
}

/// Who tells what lies are to be proved.
#[derive(Clone)]
pub struct AccuserHandle(pub Arc<dyn Accuser>);

impl std::fmt::Debug for AccuserHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccuserHandle")
    }
}

/// What keeping epochs needs.
#[derive(Clone)]
pub struct EpochKeeping {
    /// The registry.
    pub hub: Arc<dyn Hub>,
    /// The validators, asked for their signatures.
    pub voices: Arc<dyn SetVoices>,
    /// What signatures are made under.
    pub domain: Domain,
    /// What members have signed of the next epoch.
    pub heard: Heard,
}

impl std::fmt::Debug for EpochKeeping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EpochKeeping").field("hub", &self.hub.chain()).finish_non_exhaustive()
    }
}

/// Relays all lanes whose destination it can submit to.
pub struct Relay {
    store: Store,
    submitters: HashMap<ChainId, Arc<dyn Submitter>>,
    config: Arc<RelayConfig>,
}

/// A lane's worker.
struct Running {
    wake: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Relay {
    /// A relay.
    pub fn new(store: Store, submitters: Vec<Arc<dyn Submitter>>, config: RelayConfig) -> Self {
        let submitters = submitters.into_iter().map(|submitter| (submitter.chain(), submitter)).collect();
        Self { store, submitters, config: Arc::new(config) }
    }

    /// Relays until `shutdown`.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be listened to; start it again after a pause.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), StoreError> {
        let workers = TaskTracker::new();
        // Workers end with this function, however it ends.
        let stop = shutdown.child_token();
        let _guard = stop.clone().drop_guard();
        let mut lanes: HashMap<LaneId, Running> = HashMap::new();
        let mut chores: HashMap<ChainId, JoinHandle<()>> = HashMap::new();
        let mut wakeups = self.store.wakeups().await?;
        let mut scan = tokio::time::interval(LANE_SCAN);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                woken = wakeups.next() => match woken? {
                    Some(lane) => {
                        if let Some(running) = lanes.get(&lane) {
                            running.wake.notify_one();
                        }
                    }
                    // Notifications may have been missed.
                    None => lanes.values().for_each(|running| running.wake.notify_one()),
                },
                _ = scan.tick() => {
                    self.start_chores(&mut chores, &workers, &stop);
                    self.start_workers(&mut lanes, &workers, &stop).await?;
                }
            }
        }
        workers.close();
        let _ = tokio::time::timeout(DRAIN, workers.wait()).await;
        Ok(())
    }

    /// One task per chain; one that panicked is started again.
    fn start_chores(
        &self,
        running: &mut HashMap<ChainId, JoinHandle<()>>,
        workers: &TaskTracker,
        stop: &CancellationToken,
    ) {
        for (chain, submitter) in &self.submitters {
            if running.get(chain).is_some_and(|task| !task.is_finished()) {
                continue;
            }
            let chores = Chores {
                store: self.store.clone(),
                submitter: submitter.clone(),
                all: self.submitters.values().cloned().collect(),
                config: self.config.clone(),
            };
            running.insert(*chain, workers.spawn(chores.run(stop.clone())));
        }
    }

    async fn start_workers(
        &self,
        lanes: &mut HashMap<LaneId, Running>,
        workers: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        for lane in self.store.lanes().await? {
            let Some(submitter) = self.submitters.get(&lane.destination_chain) else { continue };
            // A worker that panicked is started again.
            if lanes.get(&lane.lane).is_some_and(|running| !running.task.is_finished()) {
                continue;
            }
            let wake = Arc::new(Notify::new());
            let worker = LaneWorker {
                store: self.store.clone(),
                submitter: submitter.clone(),
                config: self.config.clone(),
                lane,
                wake: wake.clone(),
                sizing: Mutex::default(),
            };
            let task = workers.spawn(worker.run(stop.clone()));
            lanes.insert(lane.lane, Running { wake, task });
        }
        Ok(())
    }
}
