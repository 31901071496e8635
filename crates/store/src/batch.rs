//! Events that are written many at a time. The rare ones read what the ones before them wrote: before one of those,
//! everything that waits is written, so that the rows are the same as if each event had been written on its own.

use std::collections::{BTreeSet, HashMap};

use alloy_primitives::{B256, keccak256};
use icc_protocol::{ChainId, LaneId, Message, fold, message_id};
use sqlx::{PgConnection, query};

use crate::{
    ApplyError, EventRow, MessageRow, StoreError,
    convert::{chain, hash, lane, number},
    events::{self, At, lane_of, wake},
    money,
    rows::{self, Delivery, Fee, NewMessage, Step, Steps},
};

/// Most rows that wait to be written.
const MAX_ROWS: usize = 2000;
/// Most bytes of messages that wait.
const MAX_BYTES: usize = 4 << 20;

/// The end of a lane, as far as its messages are known.
struct LaneEnd {
    lane: LaneId,
    nonce: i64,
    accumulator: B256,
}

/// Rows of one transaction that wait to be written.
pub(crate) struct Batch<'a> {
    source: i64,
    ends: HashMap<(ChainId, u32), LaneEnd>,
    messages: Vec<NewMessage<'a>>,
    deliveries: Vec<Delivery<'a>>,
    recorded: Vec<Step<'a>>,
    executed: Vec<Step<'a>>,
    fees: Vec<Fee<'a>>,
    rows: usize,
    bytes: usize,
    wake: BTreeSet<LaneId>,
}

impl<'a> Batch<'a> {
    /// Nothing yet, of this chain.
    pub(crate) fn new(source: i64) -> Self {
        Self {
            source,
            ends: HashMap::new(),
            messages: Vec::new(),
            deliveries: Vec::new(),
            recorded: Vec::new(),
            executed: Vec::new(),
            fees: Vec::new(),
            rows: 0,
            bytes: 0,
            wake: BTreeSet::new(),
        }
    }

    /// Takes the next event.
    pub(crate) async fn add(
        &mut self,
        tx: &mut PgConnection,
        at: At<'a>,
        event: &'a EventRow,
    ) -> Result<(), ApplyError> {
        match event {
            EventRow::Message(row) => self.add_message(tx, at, row).await?,
            EventRow::Delivery(row) => {
                self.wake.insert(row.lane);
                self.deliveries.push(Delivery::new(at, row)?);
            }
            EventRow::Recorded(row) => {
                self.wake.insert(row.lane);
                self.recorded.push(Step::recorded(at, row)?);
            }
            EventRow::Executed(row) => {
                self.wake.insert(row.lane);
                self.executed.push(Step::executed(at, row)?);
            }
            EventRow::FeePaid(row) => {
                let lane = self.end(tx, row.destination, row.generation).await?.lane;
                self.fees.push(Fee::new(at, lane, row)?);
            }
            rare => {
                self.flush(tx).await?;
                return insert_rare(tx, &at, rare).await;
            }
        }
        self.rows += 1;
        if self.rows >= MAX_ROWS || self.bytes >= MAX_BYTES {
            self.flush(tx).await?;
        }
        Ok(())
    }

    /// Writes what still waits, and wakes the lanes on which something has arrived when the transaction commits.
    pub(crate) async fn finish(mut self, tx: &mut PgConnection) -> Result<(), StoreError> {
        self.flush(tx).await?;
        for lane in &self.wake {
            wake(tx, *lane).await?;
        }
        Ok(())
    }

    async fn flush(&mut self, tx: &mut PgConnection) -> Result<(), StoreError> {
        rows::insert_messages(tx, self.source, &self.messages).await?;
        rows::insert_deliveries(tx, self.source, &self.deliveries).await?;
        rows::insert_steps(tx, self.source, Steps::Recorded, &self.recorded).await?;
        rows::insert_steps(tx, self.source, Steps::Executed, &self.executed).await?;
        rows::insert_fees(tx, self.source, &self.fees).await?;
        self.messages.clear();
        self.deliveries.clear();
        self.recorded.clear();
        self.executed.clear();
        self.fees.clear();
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    /// Computes a message's accumulator from the one before; a message that does not continue its lane is refused.
    async fn add_message(
        &mut self,
        tx: &mut PgConnection,
        at: At<'a>,
        row: &'a MessageRow,
    ) -> Result<(), ApplyError> {
        let message =
            Message::decode(&row.encoded).map_err(|error| ApplyError::Inconsistent(error.to_string()))?;
        let end = self.end(tx, row.destination, row.generation).await?;
        let nonce = number(message.nonce, "nonce")?;
        if nonce != end.nonce + 1 {
            return Err(ApplyError::Inconsistent(format!(
                "message {nonce} follows message {}: one is missing",
                end.nonce
            )));
        }
        let leaf = keccak256(&row.encoded);
        end.nonce = nonce;
        end.accumulator = fold(end.accumulator, leaf);
        let (lane, accumulator) = (end.lane, end.accumulator);
        self.bytes += row.encoded.len();
        self.messages.push(NewMessage {
            at,
            lane,
            nonce,
            destination: chain(row.destination)?,
            encoded: &row.encoded,
            leaf,
            accumulator,
            transaction: row.transaction,
            log_index: number(row.log_index, "log index")?,
            id: message_id(lane, leaf),
        });
        Ok(())
    }

    /// The end of a lane from here; read once in a transaction, and then kept up to date. The transaction holds the
    /// cursor's row, so that nobody else writes messages of this chain.
    async fn end(
        &mut self,
        tx: &mut PgConnection,
        destination: ChainId,
        generation: u32,
    ) -> Result<&mut LaneEnd, ApplyError> {
        let key = (destination, generation);
        if !self.ends.contains_key(&key) {
            let found = read_end(tx, self.source, key).await?;
            self.ends.insert(key, found);
        }
        self.ends.get_mut(&key).ok_or_else(|| ApplyError::Inconsistent("a lane without an end".to_owned()))
    }
}

async fn read_end(
    tx: &mut PgConnection,
    source: i64,
    (destination, generation): (ChainId, u32),
) -> Result<LaneEnd, ApplyError> {
    let id = lane(&lane_of(tx, source, destination, generation).await?)?;
    let last = query!(
        "select nonce, accumulator from message where lane = $1 order by nonce desc limit 1",
        id.0.as_slice(),
    )
    .fetch_optional(&mut *tx)
    .await
    .map_err(StoreError::from)?;
    Ok(match last {
        Some(last) => LaneEnd { lane: id, nonce: last.nonce, accumulator: hash(&last.accumulator)? },
        None => LaneEnd { lane: id, nonce: 0, accumulator: id.0 },
    })
}

async fn insert_rare(tx: &mut PgConnection, at: &At<'_>, event: &EventRow) -> Result<(), ApplyError> {
    match event {
        EventRow::LaneOpened(row) => Ok(events::insert_lane(tx, at, row).await?),
        EventRow::ValidatorSet(row) => Ok(events::insert_set(tx, at, row).await?),
        EventRow::Expired(row) => money::insert_expired(tx, at, row).await,
        EventRow::Struck(id) => Ok(money::insert_struck(tx, at, *id).await?),
        EventRow::LaneEnded(row) => Ok(money::insert_lane_ended(tx, at, row).await?),
        EventRow::FollowUp(row) => money::insert_follow_up(tx, at, row).await,
        EventRow::Queued(row) => Ok(money::insert_queued(tx, at, row).await?),
        EventRow::QueueEnded(row) => Ok(money::insert_queue_ended(tx, at, row).await?),
        EventRow::Message(_)
        | EventRow::Delivery(_)
        | EventRow::Recorded(_)
        | EventRow::Executed(_)
        | EventRow::FeePaid(_) => {
            Err(ApplyError::Inconsistent("an event that is written with others came alone".to_owned()))
        }
    }
}
