//! Rows that events make, and how the rare ones are written; `batch.rs` writes the others.

use alloy_primitives::{B256, Bytes};
use icc_protocol::{ChainId, LaneId, RecordedReason};
use sqlx::{PgConnection, query, query_scalar};

use crate::{
    ApplyError, StoreError,
    convert::{chain, number},
    money::{ExpiredRow, FeePaidRow, FollowUpRow, LaneEndedRow, QueueEndedRow, QueuedRow},
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
#[derive(Clone, Copy)]
pub(crate) struct At<'a> {
    pub(crate) chain: i64,
    pub(crate) number: i64,
    pub(crate) hash: &'a [u8],
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

pub(crate) async fn insert_lane(
    tx: &mut PgConnection,
    at: &At<'_>,
    row: &LaneOpenedRow,
) -> Result<(), StoreError> {
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

pub(crate) async fn insert_set(
    tx: &mut PgConnection,
    at: &At<'_>,
    row: &ValidatorSetRow,
) -> Result<(), StoreError> {
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
