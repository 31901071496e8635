//! Many rows in one statement: a column of each goes over as an array.

use alloy_primitives::B256;
use icc_protocol::LaneId;
use sqlx::{PgConnection, query};

use crate::{DeliveryRow, ExecutedRow, FeePaidRow, RecordedRow, StoreError, convert::number, events::At};

/// A row of `message`.
pub(crate) struct NewMessage<'a> {
    pub(crate) at: At<'a>,
    pub(crate) lane: LaneId,
    pub(crate) nonce: i64,
    pub(crate) destination: i64,
    pub(crate) encoded: &'a [u8],
    pub(crate) leaf: B256,
    pub(crate) accumulator: B256,
    pub(crate) transaction: B256,
    pub(crate) log_index: i64,
    pub(crate) id: B256,
}

/// A row of `delivery`.
pub(crate) struct Delivery<'a> {
    at: At<'a>,
    row: &'a DeliveryRow,
    from_nonce: i64,
    to_nonce: i64,
    log_index: i64,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new(at: At<'a>, row: &'a DeliveryRow) -> Result<Self, StoreError> {
        Ok(Self {
            at,
            row,
            from_nonce: number(row.from_nonce, "nonce")?,
            to_nonce: number(row.to_nonce, "nonce")?,
            log_index: number(row.log_index, "log index")?,
        })
    }
}

/// A row of `recorded` or `executed`.
pub(crate) struct Step<'a> {
    at: At<'a>,
    lane: LaneId,
    nonce: i64,
    message_id: B256,
    transaction: B256,
    reason: i16,
}

/// The table of a [`Step`].
#[derive(Clone, Copy)]
pub(crate) enum Steps {
    Recorded,
    Executed,
}

impl<'a> Step<'a> {
    pub(crate) fn recorded(at: At<'a>, row: &RecordedRow) -> Result<Self, StoreError> {
        Ok(Self {
            at,
            lane: row.lane,
            nonce: number(row.nonce, "nonce")?,
            message_id: row.message_id,
            transaction: row.transaction,
            reason: row.reason as u8 as i16,
        })
    }

    pub(crate) fn executed(at: At<'a>, row: &ExecutedRow) -> Result<Self, StoreError> {
        Ok(Self {
            at,
            lane: row.lane,
            nonce: number(row.nonce, "nonce")?,
            message_id: row.message_id,
            transaction: row.transaction,
            reason: 0,
        })
    }
}

/// A row of `fee_paid`.
pub(crate) struct Fee<'a> {
    at: At<'a>,
    lane: LaneId,
    row: &'a FeePaidRow,
    nonce: i64,
    log_index: i64,
}

impl<'a> Fee<'a> {
    pub(crate) fn new(at: At<'a>, lane: LaneId, row: &'a FeePaidRow) -> Result<Self, StoreError> {
        Ok(Self {
            at,
            lane,
            row,
            nonce: number(row.nonce, "nonce")?,
            log_index: number(row.log_index, "log index")?,
        })
    }
}

fn bytes<R>(rows: &[R], column: impl Fn(&R) -> &[u8]) -> Vec<Vec<u8>> {
    rows.iter().map(|row| column(row).to_vec()).collect()
}

fn numbers<R>(rows: &[R], column: impl Fn(&R) -> i64) -> Vec<i64> {
    rows.iter().map(column).collect()
}

pub(crate) async fn insert_messages(
    tx: &mut PgConnection,
    source: i64,
    rows: &[NewMessage<'_>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    query!(
        "insert into message (lane, nonce, source_chain, destination_chain, encoded, leaf, accumulator, block_number,
             block_hash, transaction, log_index, message_id)
         select lane, nonce, $1, destination, encoded, leaf, accumulator, block, block_hash, transaction, log_index, id
         from unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bigint[],
             $9::bytea[], $10::bytea[], $11::bigint[], $12::bytea[])
             as t (lane, nonce, destination, encoded, leaf, accumulator, block, block_hash, transaction, log_index, id)",
        source,
        &bytes(rows, |row| row.lane.0.as_slice()),
        &numbers(rows, |row| row.nonce),
        &numbers(rows, |row| row.destination),
        &bytes(rows, |row| row.encoded),
        &bytes(rows, |row| row.leaf.as_slice()),
        &bytes(rows, |row| row.accumulator.as_slice()),
        &numbers(rows, |row| row.at.number),
        &bytes(rows, |row| row.at.hash),
        &bytes(rows, |row| row.transaction.as_slice()),
        &numbers(rows, |row| row.log_index),
        &bytes(rows, |row| row.id.as_slice()),
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

pub(crate) async fn insert_deliveries(
    tx: &mut PgConnection,
    destination: i64,
    rows: &[Delivery<'_>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    query!(
        "insert into delivery (lane, to_nonce, from_nonce, destination_chain, accumulator, block_number, block_hash,
             transaction, log_index)
         select lane, to_nonce, from_nonce, $1, accumulator, block, block_hash, transaction, log_index
         from unnest($2::bytea[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bigint[], $7::bytea[], $8::bytea[],
             $9::bigint[])
             as t (lane, to_nonce, from_nonce, accumulator, block, block_hash, transaction, log_index)",
        destination,
        &bytes(rows, |row| row.row.lane.0.as_slice()),
        &numbers(rows, |row| row.to_nonce),
        &numbers(rows, |row| row.from_nonce),
        &bytes(rows, |row| row.row.accumulator.as_slice()),
        &numbers(rows, |row| row.at.number),
        &bytes(rows, |row| row.at.hash),
        &bytes(rows, |row| row.row.transaction.as_slice()),
        &numbers(rows, |row| row.log_index),
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}

pub(crate) async fn insert_steps(
    tx: &mut PgConnection,
    destination: i64,
    table: Steps,
    rows: &[Step<'_>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (lanes, nonces) = (bytes(rows, |row| row.lane.0.as_slice()), numbers(rows, |row| row.nonce));
    let (ids, blocks) = (bytes(rows, |row| row.message_id.as_slice()), numbers(rows, |row| row.at.number));
    let (hashes, transactions) =
        (bytes(rows, |row| row.at.hash), bytes(rows, |row| row.transaction.as_slice()));
    let inserting = match table {
        Steps::Recorded => query!(
            "insert into recorded (lane, nonce, destination_chain, message_id, block_number, block_hash, transaction,
                 reason)
             select lane, nonce, $1, id, block, block_hash, transaction, reason
             from unnest($2::bytea[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bytea[], $7::bytea[], $8::smallint[])
                 as t (lane, nonce, id, block, block_hash, transaction, reason)",
            destination,
            &lanes,
            &nonces,
            &ids,
            &blocks,
            &hashes,
            &transactions,
            &rows.iter().map(|row| row.reason).collect::<Vec<i16>>(),
        ),
        Steps::Executed => query!(
            "insert into executed (lane, nonce, destination_chain, message_id, block_number, block_hash, transaction)
             select lane, nonce, $1, id, block, block_hash, transaction
             from unnest($2::bytea[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bytea[], $7::bytea[])
                 as t (lane, nonce, id, block, block_hash, transaction)",
            destination,
            &lanes,
            &nonces,
            &ids,
            &blocks,
            &hashes,
            &transactions,
        ),
    };
    inserting.execute(&mut *tx).await?;
    Ok(())
}

pub(crate) async fn insert_fees(
    tx: &mut PgConnection,
    source: i64,
    rows: &[Fee<'_>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    query!(
        "insert into fee_paid (lane, nonce, source_chain, amount, block_number, block_hash, transaction, log_index)
         select lane, nonce, $1, amount::numeric, block, block_hash, transaction, log_index
         from unnest($2::bytea[], $3::bigint[], $4::text[], $5::bigint[], $6::bytea[], $7::bytea[], $8::bigint[])
             as t (lane, nonce, amount, block, block_hash, transaction, log_index)",
        source,
        &bytes(rows, |row| row.lane.0.as_slice()),
        &numbers(rows, |row| row.nonce),
        &rows.iter().map(|row| row.row.amount.to_string()).collect::<Vec<String>>(),
        &numbers(rows, |row| row.at.number),
        &bytes(rows, |row| row.at.hash),
        &bytes(rows, |row| row.row.transaction.as_slice()),
        &numbers(rows, |row| row.log_index),
    )
    .execute(&mut *tx)
    .await?;
    Ok(())
}
