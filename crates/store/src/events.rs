//! Rows that events make, and how each is written. Accumulators are computed here, inside the transaction, from the
//! row before: a message that does not continue its lane is refused.

use alloy_primitives::{B256, Bytes, keccak256};
use icc_protocol::{ChainId, LaneId, Message, RecordedReason, fold, message_id};
use sqlx::{PgConnection, query, query_scalar};

use crate::{
    ApplyError, StoreError,
    convert::{chain, hash, lane, number},
    money::{self, ExpiredRow, FeePaidRow, FollowUpRow, LaneEndedRow, QueueEndedRow, QueuedRow},
    store::WAKE_CHANNEL,
};

/// A message that left.
#[derive(Debug, Clone)]
pub struct MessageRow {
    /// Where to.
    pub destination: ChainId,
    /// Generation of its lane.
    pub generation: u32,
    /// As sent.
    pub encoded: Bytes,
    /// Its transaction.
    pub transaction: B256,
    /// Its place in the block.
    pub log_index: u64,
}

/// Messages that arrived.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// On which lane.
    pub lane: LaneId,
    /// First.
    pub from_nonce: u64,
    /// Last.
    pub to_nonce: u64,
    /// Inbox after them.
    pub accumulator: B256,
    /// Its transaction.
    pub transaction: B256,
    /// Its place in the block.
    pub log_index: u64,
}

/// A message that waits for `execute`.
#[derive(Debug, Clone)]
pub struct RecordedRow {
    /// Of which lane.
    pub lane: LaneId,
    /// Its nonce.
    pub nonce: u64,
    /// Its id.
    pub message_id: B256,
    /// Why.
    pub reason: RecordedReason,
    /// Its transaction.
    pub transaction: B256,
}

/// A recorded message that was executed.
#[derive(Debug, Clone)]
pub struct ExecutedRow {
    /// Of which lane.
    pub lane: LaneId,
    /// Its nonce.
    pub nonce: u64,
    /// Its id.
    pub message_id: B256,
    /// Its transaction.
    pub transaction: B256,
}

/// A lane pair that was opened.
#[derive(Debug, Clone)]
pub struct LaneOpenedRow {
    /// The gateway that opened it.
    pub gateway: B256,
    /// The other chain.
    pub remote_chain: ChainId,
    /// The other gateway.
    pub remote_gateway: B256,
    /// Generation.
    pub generation: u32,
    /// From here to there.
    pub outbound: LaneId,
    /// From there to here.
    pub inbound: LaneId,
}

/// A validator set that was installed.
#[derive(Debug, Clone)]
pub struct ValidatorSetRow {
    /// Its epoch.
    pub epoch: u64,
    /// keccak256 of its members.
    pub set_hash: B256,
    /// UNIX seconds on the hub.
    pub hub_time: u64,
    /// Packed members.
    pub members: Bytes,
}

/// What an event writes.
#[derive(Debug, Clone)]
pub enum EventRow {
    /// See [`MessageRow`].
    Message(MessageRow),
    /// See [`DeliveryRow`].
    Delivery(DeliveryRow),
    /// See [`RecordedRow`].
    Recorded(RecordedRow),
    /// See [`ExecutedRow`].
    Executed(ExecutedRow),
    /// See [`LaneOpenedRow`].
    LaneOpened(LaneOpenedRow),
    /// See [`ValidatorSetRow`].
    ValidatorSet(ValidatorSetRow),
    /// See [`ExpiredRow`].
    Expired(ExpiredRow),
    /// A recorded message was struck, by its id.
    Struck(B256),
    /// See [`LaneEndedRow`].
    LaneEnded(LaneEndedRow),
    /// See [`FollowUpRow`].
    FollowUp(FollowUpRow),
    /// See [`FeePaidRow`].
    FeePaid(FeePaidRow),
    /// See [`QueuedRow`].
    Queued(QueuedRow),
    /// See [`QueueEndedRow`].
    QueueEnded(QueueEndedRow),
}

/// The block that events are in.
pub(crate) struct At<'a> {
    pub(crate) chain: i64,
    pub(crate) number: i64,
    pub(crate) hash: &'a [u8],
}

/// Writes one event.
pub(crate) async fn insert(tx: &mut PgConnection, at: &At<'_>, event: &EventRow) -> Result<(), ApplyError> {
    match event {
        EventRow::Message(row) => insert_message(tx, at, row).await,
        EventRow::Delivery(row) => Ok(insert_delivery(tx, at, row).await?),
        EventRow::Recorded(row) => Ok(insert_recorded(tx, at, row).await?),
        EventRow::Executed(row) => Ok(insert_executed(tx, at, row).await?),
        EventRow::LaneOpened(row) => Ok(insert_lane(tx, at, row).await?),
        EventRow::ValidatorSet(row) => Ok(insert_set(tx, at, row).await?),
        EventRow::Expired(row) => money::insert_expired(tx, at, row).await,
        EventRow::Struck(id) => Ok(money::insert_struck(tx, at, *id).await?),
        EventRow::LaneEnded(row) => Ok(money::insert_lane_ended(tx, at, row).await?),
        EventRow::FollowUp(row) => money::insert_follow_up(tx, at, row).await,
        EventRow::FeePaid(row) => money::insert_fee(tx, at, row).await,
        EventRow::Queued(row) => Ok(money::insert_queued(tx, at, row).await?),
        EventRow::QueueEnded(row) => Ok(money::insert_queue_ended(tx, at, row).await?),
    }
}

async fn insert_message(tx: &mut PgConnection, at: &At<'_>, row: &MessageRow) -> Result<(), ApplyError> {
    let message =
        Message::decode(&row.encoded).map_err(|error| ApplyError::Inconsistent(error.to_string()))?;
    let destination = chain(row.destination)?;
    let lane_bytes = lane_of(tx, at.chain, row.destination, row.generation).await?;
    let previous = query!(
        "select nonce, accumulator from message where lane = $1 order by nonce desc limit 1",
        lane_bytes,
    )
    .fetch_optional(&mut *tx)
    .await
    .map_err(StoreError::from)?;
    let (last, before) = match previous {
        Some(previous) => (previous.nonce, hash(&previous.accumulator)?),
        None => (0, lane(&lane_bytes)?.0),
    };
    let nonce = number(message.nonce, "nonce")?;
    if nonce != last + 1 {
        return Err(ApplyError::Inconsistent(format!(
            "message {nonce} follows message {last}: one is missing"
        )));
    }
    let leaf = keccak256(&row.encoded);
    let accumulator = fold(before, leaf);
    let id = message_id(lane(&lane_bytes)?, leaf);
    query!(
        "insert into message (lane, nonce, source_chain, destination_chain, encoded, leaf, accumulator, block_number,
             block_hash, transaction, log_index, message_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        lane_bytes,
        nonce,
        at.chain,
        destination,
        row.encoded.as_ref(),
        leaf.as_slice(),
        accumulator.as_slice(),
        at.number,
        at.hash,
        row.transaction.as_slice(),
        number(row.log_index, "log index")?,
        id.as_slice(),
    )
    .execute(&mut *tx)
    .await
    .map_err(StoreError::from)?;
    Ok(())
}

/// The lane of a generation that a chain opened to another.
pub(crate) async fn lane_of(
    tx: &mut PgConnection,
    source: i64,
    destination: ChainId,
    generation: u32,
) -> Result<Vec<u8>, ApplyError> {
    query_scalar!(
        "select outbound from lane_opened where chain_id = $1 and remote_chain = $2 and generation = $3",
        source,
        chain(destination)?,
        i64::from(generation),
    )
    .fetch_optional(&mut *tx)
    .await
    .map_err(StoreError::from)?
    .ok_or_else(|| ApplyError::Inconsistent(format!("a message to chain {destination} on no open lane")))
}

async fn insert_delivery(tx: &mut PgConnection, at: &At<'_>, row: &DeliveryRow) -> Result<(), StoreError> {
    query!(
        "insert into delivery (lane, to_nonce, from_nonce, destination_chain, accumulator, block_number, block_hash,
             transaction, log_index)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        row.lane.0.as_slice(),
        number(row.to_nonce, "nonce")?,
        number(row.from_nonce, "nonce")?,
        at.chain,
        row.accumulator.as_slice(),
        at.number,
        at.hash,
        row.transaction.as_slice(),
        number(row.log_index, "log index")?,
    )
    .execute(&mut *tx)
    .await?;
    wake(tx, row.lane).await
}

async fn insert_recorded(tx: &mut PgConnection, at: &At<'_>, row: &RecordedRow) -> Result<(), StoreError> {
    query!(
        "insert into recorded (lane, nonce, destination_chain, message_id, reason, block_number, block_hash,
             transaction)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        row.lane.0.as_slice(),
        number(row.nonce, "nonce")?,
        at.chain,
        row.message_id.as_slice(),
        row.reason as u8 as i16,
        at.number,
        at.hash,
        row.transaction.as_slice(),
    )
    .execute(&mut *tx)
    .await?;
    wake(tx, row.lane).await
}

async fn insert_executed(tx: &mut PgConnection, at: &At<'_>, row: &ExecutedRow) -> Result<(), StoreError> {
    query!(
        "insert into executed (lane, nonce, destination_chain, message_id, block_number, block_hash, transaction)
         values ($1, $2, $3, $4, $5, $6, $7)",
        row.lane.0.as_slice(),
        number(row.nonce, "nonce")?,
        at.chain,
        row.message_id.as_slice(),
        at.number,
        at.hash,
        row.transaction.as_slice(),
    )
    .execute(&mut *tx)
    .await?;
    wake(tx, row.lane).await
}

async fn insert_lane(tx: &mut PgConnection, at: &At<'_>, row: &LaneOpenedRow) -> Result<(), StoreError> {
    query!(
        "insert into lane_opened (chain_id, gateway, remote_chain, remote_gateway, generation, outbound, inbound,
             block_number, block_hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        at.chain,
        row.gateway.as_slice(),
        chain(row.remote_chain)?,
        row.remote_gateway.as_slice(),
        i64::from(row.generation),
        row.outbound.0.as_slice(),
        row.inbound.0.as_slice(),
        at.number,
        at.hash,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

async fn insert_set(tx: &mut PgConnection, at: &At<'_>, row: &ValidatorSetRow) -> Result<(), StoreError> {
    query!(
        "insert into validator_set (chain_id, epoch, set_hash, hub_time, members, block_number, block_hash)
         values ($1, $2, $3, $4, $5, $6, $7)",
        at.chain,
        number(row.epoch, "epoch")?,
        row.set_hash.as_slice(),
        number(row.hub_time, "hub time")?,
        row.members.as_ref(),
        at.number,
        at.hash,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

/// Wakes a lane's relay when the transaction commits.
pub(crate) async fn wake(tx: &mut PgConnection, lane: LaneId) -> Result<(), StoreError> {
    query!("select pg_notify($1, $2)", WAKE_CHANNEL, lane.to_string()).fetch_one(&mut *tx).await?;
    Ok(())
}
