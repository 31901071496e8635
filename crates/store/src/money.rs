//! Rows that refunds, queues, fees and ended lanes make, and how each is written.

use alloy_primitives::B256;
use icc_protocol::{ChainId, FollowUp, LaneId};
use sqlx::{PgConnection, query, query_scalar};

use crate::{
    ApplyError, StoreError,
    convert::{chain, number},
    events::{At, wake},
};

/// A recorded message whose refund left.
#[derive(Debug, Clone)]
pub struct ExpiredRow {
    /// Of which lane.
    pub lane: LaneId,
    /// Its nonce.
    pub nonce: u64,
    /// Its id.
    pub message_id: B256,
    /// Nonce of the refund, in the open lane back.
    pub refund_nonce: u64,
    /// Its transaction.
    pub transaction: B256,
}

/// A lane pair that was closed.
#[derive(Debug, Clone)]
pub struct LaneEndedRow {
    /// From here to there.
    pub outbound: LaneId,
    /// From there to here.
    pub inbound: LaneId,
    /// Messages that left on the outbound lane.
    pub outbox_nonce: u64,
    /// The inbound lane's last inbox.
    pub inbox: B256,
}

/// A message that an arrival led to.
#[derive(Debug, Clone)]
pub struct FollowUpRow {
    /// What arrived.
    pub message_id: B256,
    /// Why.
    pub why: FollowUp,
    /// Where the new message goes.
    pub destination: ChainId,
    /// Its nonce in the open lane to there.
    pub nonce: u64,
}

/// What was paid for a delivery.
#[derive(Debug, Clone)]
pub struct FeePaidRow {
    /// Where the message goes.
    pub destination: ChainId,
    /// Generation of its lane.
    pub generation: u32,
    /// Its nonce.
    pub nonce: u64,
    /// Wei of the source's coin.
    pub amount: u128,
    /// Its transaction.
    pub transaction: B256,
    /// Its place in the block.
    pub log_index: u64,
}

/// A transfer that waits.
#[derive(Debug, Clone)]
pub struct QueuedRow {
    /// Which token.
    pub token_id: B256,
    /// Its place.
    pub index: u64,
    /// The message that carried it.
    pub message_id: B256,
    /// In units of the home token.
    pub amount: u128,
    /// UNIX seconds.
    pub release_at: u64,
}

/// A transfer that no longer waits.
#[derive(Debug, Clone)]
pub struct QueueEndedRow {
    /// Which token.
    pub token_id: B256,
    /// Its place.
    pub index: u64,
    /// 0 released, 1 claimable, 2 struck.
    pub outcome: u8,
    /// Its transaction.
    pub transaction: B256,
}

pub(crate) async fn insert_expired(
    tx: &mut PgConnection,
    at: &At<'_>,
    row: &ExpiredRow,
) -> Result<(), ApplyError> {
    query!(
        "insert into expired (lane, nonce, destination_chain, message_id, block_number, block_hash, transaction)
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
    .await
    .map_err(StoreError::from)?;
    let source = query_scalar!(
        "select remote_chain from lane_opened where chain_id = $1 and inbound = $2",
        at.chain,
        row.lane.0.as_slice(),
    )
    .fetch_optional(&mut *tx)
    .await
    .map_err(StoreError::from)?
    .ok_or_else(|| {
        ApplyError::Inconsistent(format!("a refund of lane {}, which was not opened", row.lane))
    })?;
    follow_up(tx, at, row.message_id, FollowUp::Refund, (source, number(row.refund_nonce, "nonce")?)).await?;
    Ok(wake(tx, row.lane).await?)
}

pub(crate) async fn insert_follow_up(
    tx: &mut PgConnection,
    at: &At<'_>,
    row: &FollowUpRow,
) -> Result<(), ApplyError> {
    let to = (chain(row.destination)?, number(row.nonce, "nonce")?);
    follow_up(tx, at, row.message_id, row.why, to).await
}

/// `to`: chain and nonce of a message that left in the same block or before, on the newest lane that has it.
async fn follow_up(
    tx: &mut PgConnection,
    at: &At<'_>,
    message_id: B256,
    why: FollowUp,
    to: (i64, i64),
) -> Result<(), ApplyError> {
    let lane = query_scalar!(
        "select m.lane from message m join lane_opened o on o.chain_id = m.source_chain and o.outbound = m.lane
         where m.source_chain = $1 and m.destination_chain = $2 and m.nonce = $3 order by o.generation desc limit 1",
        at.chain,
        to.0,
        to.1,
    )
    .fetch_optional(&mut *tx)
    .await
    .map_err(StoreError::from)?
    .ok_or_else(|| {
        ApplyError::Inconsistent(format!("message {} to chain {} is told of, but has not left", to.1, to.0))
    })?;
    query!(
        "insert into follow_up (message_id, why, chain_id, lane, nonce, block_number, block_hash)
         values ($1, $2, $3, $4, $5, $6, $7)",
        message_id.as_slice(),
        why as u8 as i16,
        at.chain,
        lane,
        to.1,
        at.number,
        at.hash,
    )
    .execute(&mut *tx)
    .await
    .map_err(StoreError::from)?;
    Ok(())
}

pub(crate) async fn insert_struck(tx: &mut PgConnection, at: &At<'_>, id: B256) -> Result<(), StoreError> {
    query!(
        "insert into struck (message_id, destination_chain, block_number, block_hash) values ($1, $2, $3, $4)",
        id.as_slice(),
        at.chain,
        at.number,
        at.hash,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

pub(crate) async fn insert_lane_ended(
    tx: &mut PgConnection,
    at: &At<'_>,
    row: &LaneEndedRow,
) -> Result<(), StoreError> {
    query!(
        "insert into lane_ended (chain_id, outbound, inbound, outbox_nonce, inbox, block_number, block_hash)
         values ($1, $2, $3, $4, $5, $6, $7)",
        at.chain,
        row.outbound.0.as_slice(),
        row.inbound.0.as_slice(),
        number(row.outbox_nonce, "nonce")?,
        row.inbox.as_slice(),
        at.number,
        at.hash,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

pub(crate) async fn insert_queued(
    tx: &mut PgConnection,
    at: &At<'_>,
    row: &QueuedRow,
) -> Result<(), StoreError> {
    query!(
        "insert into queued (chain_id, token_id, index, message_id, amount, release_at, block_number, block_hash)
         values ($1, $2, $3, $4, $5::text::numeric, $6, $7, $8)",
        at.chain,
        row.token_id.as_slice(),
        number(row.index, "index")?,
        row.message_id.as_slice(),
        row.amount.to_string(),
        number(row.release_at, "time")?,
        at.number,
        at.hash,
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

pub(crate) async fn insert_queue_ended(
    tx: &mut PgConnection,
    at: &At<'_>,
    row: &QueueEndedRow,
) -> Result<(), StoreError> {
    query!(
        "insert into queue_ended (chain_id, token_id, index, outcome, block_number, block_hash, transaction)
         values ($1, $2, $3, $4, $5, $6, $7)",
        at.chain,
        row.token_id.as_slice(),
        number(row.index, "index")?,
        i16::from(row.outcome),
        at.number,
        at.hash,
        row.transaction.as_slice(),
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
