//! The loop of an indexer.

use std::{sync::Arc, time::Duration};

use icc_chain::{Block, BlockRef, ChainReader};
use icc_lane::Lanes;
use icc_protocol::NetworkId;
use icc_store::{ApplyError, BlockRow, Cursor, Store};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{IndexError, unwind::Ancestry};

/// How a chain is indexed.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// The deployment.
    pub network: NetworkId,
    /// Events before and in this block are not looked for (the gateway was not deployed yet).
    pub start_block: u64,
    /// Most blocks in one range of a backfill.
    pub max_range: u64,
    /// Longest wait for a head hint.
    pub idle: Duration,
}

/// Blocks of the first range, before it is known how many events there are.
const FIRST_RANGE: u64 = 250;
/// Looks at events that contradict what is final, before the chain is halted.
const MAX_CONTRADICTIONS: u32 = 5;
/// How long the chain may be shorter than what is stored before that is believed.
const AHEAD: Duration = Duration::from_secs(30);
/// Between two looks at a chain, however many hints there are.
const LEAST_PAUSE: Duration = Duration::from_millis(10);

/// What a look at the chain came to.
enum Step {
    /// It is followed as far as it could be.
    Followed,
    /// What it says cannot be taken for now, or is not there yet.
    LooksAgain,
}

/// Follows one chain.
pub struct Indexer {
    pub(crate) reader: Arc<dyn ChainReader>,
    pub(crate) store: Store,
    pub(crate) config: Config,
    /// Blocks of the next range; adapts to how many events there are and what endpoints can answer.
    pub(crate) range: u64,
    /// Whether the store may still say that this chain cannot be followed.
    pub(crate) may_be_halted: bool,
    /// How many stored blocks to go back when events do not continue what is stored.
    pub(crate) going_back: u32,
    /// The lanes that the gateway has opened, as they are stored.
    pub(crate) lanes: Option<Lanes>,
    /// Times in a row that the events after the final block have contradicted what is stored.
    pub(crate) contradictions: u32,
    /// Since when the chain is shorter than what is stored.
    pub(crate) ahead_since: Option<Instant>,
}

impl Indexer {
    /// An indexer of one chain.
    pub fn new(reader: Arc<dyn ChainReader>, store: Store, config: Config) -> Self {
        let range = config.max_range.clamp(1, FIRST_RANGE);
        Self {
            reader,
            store,
            config,
            range,
            may_be_halted: true,
            going_back: 1,
            lanes: None,
            contradictions: 0,
            ahead_since: None,
        }
    }

    /// Follows the chain until `shutdown`.
    ///
    /// # Errors
    /// [`IndexError`]; start it again after a pause.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), IndexError> {
        let mut hints = self.reader.head_hints();
        self.check_gateway().await?;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                step = self.step() => self.tell(step).await?,
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                hint = timeout(self.config.idle, hints.changed()) => {
                    // Without hints, by the clock; with many, not more often than this.
                    sleep(if matches!(hint, Ok(Err(_))) { self.config.idle } else { LEAST_PAUSE }).await;
                }
            }
        }
    }

    /// Lets everybody know when the chain cannot be followed any further, and when it can again.
    async fn tell(&mut self, step: Result<Step, IndexError>) -> Result<(), IndexError> {
        let chain = self.reader.chain();
        match &step {
            Err(error) if error.halts() => {
                self.may_be_halted = true;
                self.store.halt(chain, &error.to_string()).await?;
            }
            Ok(Step::LooksAgain) | Err(_) => {}
            Ok(Step::Followed) if self.may_be_halted => {
                self.store.end_halt(chain).await?;
                self.may_be_halted = false;
            }
            Ok(Step::Followed) => {}
        }
        let halted = step.as_ref().is_err_and(IndexError::halts);
        if !matches!(step, Ok(Step::LooksAgain)) {
            metrics::gauge!("icc_indexer_halted", "chain" => chain.to_string()).set(u8::from(halted));
        }
        step.map(drop)
    }

    /// Brings the store up to the present head.
    async fn step(&mut self) -> Result<Step, IndexError> {
        let head = self.reader.head().await?;
        let finalized = self.reader.finalized().await?;
        let mut cursor = self.cursor().await?;
        match self.ancestry(&cursor, &head).await? {
            Ancestry::Continues => self.ahead_since = None,
            Ancestry::Behind => match self.ahead_of(&cursor, &head) {
                Some(head) => cursor = self.unwind(cursor, head).await?,
                None => return Ok(Step::LooksAgain),
            },
            Ancestry::Forked(ancestor) => cursor = self.unwind(cursor, ancestor).await?,
        }
        if let Err(error) = self.catch_up(&mut cursor, head.at.number, finalized.at.number).await {
            self.lanes = None;
            let IndexError::Apply(ApplyError::Inconsistent(problem)) = error else { return Err(error) };
            return self.contradicted(cursor, problem).await;
        }
        self.report(&head, &finalized, &cursor).await?;
        if cursor.number < head.at.number {
            return Ok(Step::LooksAgain);
        }
        (self.contradictions, self.going_back) = (0, 1);
        Ok(Step::Followed)
    }

    /// Events do not continue what is stored: an endpoint left something out, or the gateway says what is not its own to say.
    /// Above the final block it is looked for again further back; what is final stays, and a chain whose events go on to
    /// contradict it is halted with the reason.
    async fn contradicted(&mut self, cursor: Cursor, problem: String) -> Result<Step, IndexError> {
        let chain = self.reader.chain();
        if cursor.number > cursor.final_number {
            tracing::warn!(%chain, problem, "events are missing; looking again");
            self.go_back(cursor).await?;
            return Ok(Step::LooksAgain);
        }
        self.contradictions = self.contradictions.saturating_add(1);
        if self.contradictions <= MAX_CONTRADICTIONS {
            tracing::warn!(%chain, problem, after = cursor.number, "events contradict what is final; asking again");
            return Ok(Step::LooksAgain);
        }
        Err(IndexError::Contradiction { chain, after: cursor.number, problem })
    }

    /// The chain, by two endpoints, is shorter than what is stored. If it stays so, the block that it is to be followed
    /// from again.
    fn ahead_of(&mut self, cursor: &Cursor, head: &Block) -> Option<BlockRef> {
        let (chain, indexed, head) = (self.reader.chain(), cursor.number, head.at);
        metrics::gauge!("icc_indexer_head", "chain" => chain.to_string()).set(head.number as f64);
        if head.number >= indexed {
            self.ahead_since = None;
            return None;
        }
        let since = *self.ahead_since.get_or_insert_with(Instant::now);
        if since.elapsed() < AHEAD {
            return None;
        }
        tracing::error!(%chain, indexed, head = head.number, "INDEXED BEYOND THE HEAD: the chain is shorter than what is stored");
        metrics::counter!("icc_indexer_beyond_head_total", "chain" => chain.to_string()).increment(1);
        self.ahead_since = None;
        (head.number >= cursor.final_number).then_some(head)
    }

    /// Ranges up to the final block, then block by block to the head. Ends early when the chain changed under us, or
    /// an endpoint is behind; the next step finds out.
    async fn catch_up(&mut self, cursor: &mut Cursor, head: u64, finalized: u64) -> Result<(), IndexError> {
        if cursor.number < finalized && !self.backfill(cursor, finalized.min(head)).await? {
            return Ok(());
        }
        while cursor.number < head {
            match self.ingest_block(cursor).await? {
                Some(next) => *cursor = next,
                None => break,
            }
        }
        Ok(())
    }

    async fn cursor(&self) -> Result<Cursor, IndexError> {
        let chain = self.reader.chain();
        if let Some(cursor) = self.store.cursor(chain).await? {
            return Ok(cursor);
        }
        let start = self.reader.block(self.config.start_block).await?;
        let start = start.ok_or_else(|| {
            icc_chain::ChainError::UnknownBlock(format!(
                "{} (start_block) of chain {chain}",
                self.config.start_block
            ))
        })?;
        self.store.start_cursor(chain, self.reader.gateway(), &row(&start)).await?;
        tracing::info!(%chain, start_block = start.at.number, "indexing from the start");
        Ok(Cursor { number: start.at.number, hash: start.at.hash, final_number: start.at.number })
    }

    async fn check_gateway(&self) -> Result<(), IndexError> {
        let chain = self.reader.chain();
        match self.store.indexed_gateway(chain).await? {
            Some(gateway) if gateway != self.reader.gateway() => Err(IndexError::GatewayChanged { chain }),
            _ => Ok(()),
        }
    }

    async fn report(&self, head: &Block, finalized: &Block, cursor: &Cursor) -> Result<(), IndexError> {
        let chain = self.reader.chain();
        let final_number = finalized.at.number.min(cursor.number);
        self.store.set_final(chain, final_number, head.at.number).await?;
        let label = chain.to_string();
        metrics::gauge!("icc_indexer_head", "chain" => label.clone()).set(head.at.number as f64);
        metrics::gauge!("icc_indexer_indexed", "chain" => label.clone()).set(cursor.number as f64);
        metrics::gauge!("icc_indexer_final", "chain" => label).set(final_number as f64);
        Ok(())
    }
}

/// A chain's block as a row.
pub(crate) fn row(block: &Block) -> BlockRow {
    BlockRow {
        number: block.at.number,
        hash: block.at.hash,
        parent: block.parent,
        timestamp: block.timestamp,
    }
}
