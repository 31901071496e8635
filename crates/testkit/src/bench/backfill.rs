//! How fast a chain's past is indexed from nothing: by our indexer, and by ponder on the same chain, in turn.

use std::{
    fmt,
    path::PathBuf,
    time::{Duration, Instant},
};

use eyre::{OptionExt, bail, ensure};
use icc_devnet::{ChainSpec, Devnet, DevnetOptions, Managed, Role};
use icc_store::Store;
use serde_json::json;
use tokio::time::sleep;

use super::{burst, cpu_seconds, ponder};

const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Empty blocks on top of the messages: ponder takes a chain that it does not know as final after 30.
const BLOCKS_ON_TOP: u64 = 40;

/// What to measure.
#[derive(Debug, Clone)]
pub struct BackfillOptions {
    /// The `icc` binary.
    pub icc: PathBuf,
    /// How many messages the chain has.
    pub messages: u64,
    /// How many of them in one transaction, which has a block of its own.
    pub per_block: u64,
    /// How many runs of each; the median counts.
    pub runs: usize,
    /// After this a run is given up.
    pub patience: Duration,
}

impl BackfillOptions {
    /// 100,000 messages in 5,000 blocks, three runs each.
    pub fn new(icc: PathBuf) -> Self {
        let patience = Duration::from_secs(1200);
        Self { icc, messages: 100_000, per_block: 20, runs: 3, patience }
    }
}

/// One backfill.
#[derive(Debug, Clone, Copy)]
pub struct BackfillRun {
    /// From the start of the process until everything is stored.
    pub wall: Duration,
    /// From the start to the end of the backfill by its own clock, if it tells; start-up is not in it.
    pub by_own_clock: Option<Duration>,
    /// Seconds of processor time of the indexer's process.
    pub own_cpu: f64,
    /// Of the database.
    pub database_cpu: f64,
    /// Of the chain, answering.
    pub chain_cpu: f64,
}

/// All runs, in the order in which they were made.
#[derive(Debug, Clone)]
pub struct BackfillReport {
    /// Messages of the chain.
    pub messages: u64,
    /// Messages in a block.
    pub per_block: u64,
    /// Ours.
    pub icc: Vec<BackfillRun>,
    /// ponder's.
    pub ponder: Vec<BackfillRun>,
}

impl BackfillReport {
    /// Events per second of our indexer: median, process start included.
    pub fn icc_per_second(&self) -> Option<f64> {
        self.per_second(&self.icc, |run| run.wall)
    }

    /// Events per second of ponder: median, without its start-up.
    pub fn ponder_per_second(&self) -> Option<f64> {
        self.per_second(&self.ponder, |run| run.by_own_clock.unwrap_or(run.wall))
    }

    /// How many times as fast ours is, the start-up counted for ours and not for ponder.
    pub fn ratio(&self) -> Option<f64> {
        Some(self.icc_per_second()? / self.ponder_per_second()?)
    }

    fn per_second(&self, runs: &[BackfillRun], time: impl Fn(&BackfillRun) -> Duration) -> Option<f64> {
        median(runs.iter().map(|run| time(run).as_secs_f64())).map(|seconds| self.messages as f64 / seconds)
    }
}

impl fmt::Display for BackfillReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} messages, {} in a block; medians of the runs.\n", self.messages, self.per_block)?;
        writeln!(f, "| | events/s | wall s | own clock s | cpu s | database cpu s | chain cpu s |")?;
        writeln!(f, "|---|---:|---:|---:|---:|---:|---:|")?;
        for (name, runs, per_second) in [
            ("icc indexer", &self.icc, self.icc_per_second()),
            ("ponder", &self.ponder, self.ponder_per_second()),
        ] {
            let (Some(per_second), Some(wall)) =
                (per_second, median(runs.iter().map(|run| run.wall.as_secs_f64())))
            else {
                continue;
            };
            let of = |value: fn(&BackfillRun) -> f64| median(runs.iter().map(value)).unwrap_or_default();
            let own = median(runs.iter().filter_map(|run| run.by_own_clock).map(|time| time.as_secs_f64()))
                .map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.2}"));
            writeln!(
                f,
                "| {name} | {per_second:.0} | {wall:.2} | {own} | {:.2} | {:.2} | {:.2} |",
                of(|run| run.own_cpu),
                of(|run| run.database_cpu),
                of(|run| run.chain_cpu),
            )?;
        }
        match self.ratio() {
            Some(ratio) => writeln!(
                f,
                "\nTimes as fast: {ratio:.1} (aim 10), the start of the process counted for ours alone."
            ),
            None => Ok(()),
        }
    }
}

/// Starts two chains, sends the messages from one to the other, and has both indexers index them, in turn.
///
/// # Errors
/// If anything does not start, takes longer than the patience, or a message is missing at the end.
pub async fn backfill(options: &BackfillOptions, tell: impl Fn(&str)) -> eyre::Result<BackfillReport> {
    // A block for each transaction, and none without: the chain stands still while it is indexed.
    let chain = |name: &str, id| ChainSpec { name: name.to_owned(), id, block_time: Duration::ZERO };
    let devnet_options = DevnetOptions {
        chains: vec![chain("alpha", 31_001), chain("beta", 31_002)],
        validators: 1,
        cores: 0,
        ..DevnetOptions::new(options.icc.clone())
    };
    let mut devnet = Devnet::start(&devnet_options, &tell).await?;
    for process in devnet.processes.values_mut() {
        process.kill();
    }
    tell("sending messages");
    burst::send_messages(&devnet, options.messages, options.per_block).await?;
    for chain in &devnet.chains {
        chain.rpc("anvil_mine", json!([format!("{BLOCKS_ON_TOP:#x}")])).await?;
    }
    let mut report = BackfillReport {
        messages: options.messages,
        per_block: options.per_block,
        icc: Vec::new(),
        ponder: Vec::new(),
    };
    for number in 1..=options.runs {
        devnet.postgres.recreate().await?;
        let run = run_icc(&mut devnet, options).await?;
        tell(&format!("run {number}: icc indexer {run:.2?}"));
        report.icc.push(run);
        devnet.postgres.recreate().await?;
        let run = ponder::run(&devnet, options).await?;
        tell(&format!("run {number}: ponder {run:.2?}"));
        report.ponder.push(run);
    }
    Ok(report)
}

/// Our indexer, on an empty database, until its cursor is at the head.
async fn run_icc(devnet: &mut Devnet, options: &BackfillOptions) -> eyre::Result<BackfillRun> {
    let head = devnet.chains[0].rpc("eth_blockNumber", json!([])).await?;
    let head = head.as_str().and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    let head = head.ok_or_eyre("the chain tells no block number")?;
    let mut meter = Meter::start(devnet);
    devnet.process(Role::Indexer)?.restart()?;
    let store = Store::connect(&devnet.postgres.url(), 1).await?;
    let chain = devnet.configs[0].id;
    while store.cursor(chain).await?.is_none_or(|cursor| cursor.number < head) {
        devnet.process(Role::Indexer)?.check()?;
        if meter.began.elapsed() > options.patience {
            bail!("the indexer has not got there in {:?}", options.patience);
        }
        sleep(LOOK_AGAIN).await;
    }
    let id = devnet.process(Role::Indexer)?.id();
    let run = meter.stop(id, devnet);
    devnet.process(Role::Indexer)?.kill();
    let rows = store.chain_rows(chain, head).await?;
    let stored = rows.iter().filter(|row| row.starts_with("message(")).count() as u64;
    ensure!(stored == options.messages, "the indexer has stored {stored} messages of {}", options.messages);
    Ok(run)
}

/// Clocks of a run: the wall's, and what chain and database have used until it began.
pub(crate) struct Meter {
    began: Instant,
    database: f64,
    chain: f64,
}

impl Meter {
    pub(crate) fn start(devnet: &Devnet) -> Self {
        let database = cpu_of(&devnet.postgres.process);
        let chain = cpu_of(&devnet.chains[0].process);
        Self { began: Instant::now(), database, chain }
    }

    /// Reads them all; `id` is the indexer's process.
    pub(crate) fn stop(&mut self, id: Option<u32>, devnet: &Devnet) -> BackfillRun {
        BackfillRun {
            wall: self.began.elapsed(),
            by_own_clock: None,
            own_cpu: id.map_or(0.0, cpu_seconds),
            database_cpu: cpu_of(&devnet.postgres.process) - self.database,
            chain_cpu: cpu_of(&devnet.chains[0].process) - self.chain,
        }
    }
}

fn cpu_of(process: &Managed) -> f64 {
    process.id().map_or(0.0, cpu_seconds)
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
