//! The indexer's side: cursor, blocks, applying and unwinding, each in one transaction.

use alloy_primitives::B256;
use icc_protocol::ChainId;
use sqlx::{PgConnection, query, query_scalar};

use crate::{
    EventRow, Store, StoreError,
    batch::Batch,
    convert::{chain, hash, number, unsigned},
    events::At,
};

/// Most blocks in one statement.
const BLOCKS_AT_ONCE: usize = 2000;

/// How far a chain is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The last block whose events are stored.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Up to here blocks are final.
    pub final_number: u64,
}

/// A stored block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRow {
    /// Height.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Hash of the block before.
    pub parent: B256,
    /// UNIX seconds.
    pub timestamp: u64,
}

/// A block and its events.
#[derive(Debug, Clone)]
pub struct IndexedBlock {
    /// The block.
    pub block: BlockRow,
    /// Its events, in order.
    pub events: Vec<EventRow>,
}

/// Why blocks could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cursor is not where it was read: another indexer is at work. Read again.
    #[error("the cursor has moved")]
    CursorMoved,
    /// It would forget events of a final block.
    #[error("events of block {0} are final and would be forgotten")]
    BelowFinal(u64),
    /// The events do not continue what is stored: the endpoint left something out, or the chain reverted. Look again.
    #[error("events do not continue what is stored: {0}")]
    Inconsistent(String),
}

impl Store {
    /// How far a chain is indexed; `None` before the first block.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cursor(&self, id: ChainId) -> Result<Option<Cursor>, StoreError> {
        let row =
            query!("select number, hash, final_number from chain_cursor where chain_id = $1", chain(id)?)
                .fetch_optional(&self.pool)
                .await?;
        row.map(|row| {
            Ok(Cursor {
                number: unsigned(row.number)?,
                hash: hash(&row.hash)?,
                final_number: unsigned(row.final_number)?,
            })
        })
        .transpose()
    }

    /// Sets the cursor of a chain that has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn start_cursor(&self, id: ChainId, gateway: B256, at: &BlockRow) -> Result<(), StoreError> {
        query!(
            "insert into chain_cursor (chain_id, gateway, number, hash, final_number, head_number)
             values ($1, $2, $3, $4, $3, $3) on conflict do nothing",
            chain(id)?,
            gateway.as_slice(),
            number(at.number, "block")?,
            at.hash.as_slice(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The gateway whose events a chain's rows are of; `None` before the first block.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn indexed_gateway(&self, id: ChainId) -> Result<Option<B256>, StoreError> {
        let row = query!("select gateway from chain_cursor where chain_id = $1", chain(id)?)
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| hash(&row.gateway)).transpose()
    }

    /// Stores blocks and their events and moves the cursor to `to`, and what is final with it, all or nothing, waking the lanes concerned.
    ///
    /// # Errors
    /// [`ApplyError`]; nothing is stored then.
    pub async fn apply(
        &self,
        id: ChainId,
        from: &Cursor,
        blocks: &[IndexedBlock],
        to: &Cursor,
    ) -> Result<(), ApplyError> {
        // What is stored twice, or fits no column, is the chain's contradiction, not the database's fault.
        self.apply_all(id, from, blocks, to).await.map_err(|error| match error {
            ApplyError::Store(StoreError::Database(sqlx::Error::Database(refused)))
                if refused.is_unique_violation() =>
            {
                ApplyError::Inconsistent(format!("an event comes twice ({})", refused.message()))
            }
            ApplyError::Store(StoreError::OutOfRange(what)) => {
                ApplyError::Inconsistent(format!("{what} is more than can be"))
            }
            other => other,
        })
    }

    async fn apply_all(
        &self,
        id: ChainId,
        from: &Cursor,
        blocks: &[IndexedBlock],
        to: &Cursor,
    ) -> Result<(), ApplyError> {
        let mut tx = self.begin().await.map_err(StoreError::from)?;
        move_cursor(&mut tx, id, from, (to.number, to.hash), to.final_number).await?;
        let source = chain(id)?;
        insert_blocks(&mut tx, source, blocks).await?;
        let mut batch = Batch::new(source);
        for indexed in blocks {
            let block = &indexed.block;
            let at =
                At { chain: source, number: number(block.number, "block")?, hash: block.hash.as_slice() };
            for event in &indexed.events {
                batch.add(&mut tx, at, event).await?;
            }
        }
        batch.finish(&mut tx).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Forgets everything above `to`, which must be an ancestor of the chain's present head, and not below what is final:
    /// nothing final is forgotten, whatever the chain says.
    ///
    /// # Errors
    /// [`ApplyError`]; nothing is changed then.
    pub async fn unwind(&self, id: ChainId, from: &Cursor, to: (u64, B256)) -> Result<(), ApplyError> {
        let mut tx = self.begin().await.map_err(StoreError::from)?;
        move_cursor(&mut tx, id, from, to, 0).await?;
        let lost = query_scalar!(
            // By what the database holds as final, not by what its caller knows.
            "select max(b.number) from chain_block b join chain_cursor c on c.chain_id = b.chain_id
             where b.chain_id = $1 and b.number > $2 and b.number <= $3 and b.has_events",
            chain(id)?,
            number(to.0, "block")?,
            number(from.final_number, "block")?,
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(StoreError::from)?;
        if let Some(lost) = lost {
            return Err(ApplyError::BelowFinal(unsigned(lost)?));
        }
        delete_above(&mut tx, chain(id)?, number(to.0, "block")?).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Notes head and final block, wakes lanes whose messages became final, and drops final blocks without events.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_final(&self, id: ChainId, final_number: u64, head: u64) -> Result<(), StoreError> {
        let (id, final_number) = (chain(id)?, number(final_number, "block")?);
        let mut tx = self.begin().await?;
        query!(
            "update chain_cursor set final_number = greatest(final_number, $2), head_number = $3 where chain_id = $1",
            id,
            final_number,
            number(head, "block")?,
        )
        .execute(&mut *tx)
        .await?;
        query!(
            "delete from chain_block where chain_id = $1 and number <= $2 and not has_events",
            id,
            final_number
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The stored block at a height, if it is stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn block(&self, id: ChainId, at: u64) -> Result<Option<BlockRow>, StoreError> {
        let row = query!(
            "select number, hash, parent, timestamp from chain_block where chain_id = $1 and number = $2",
            chain(id)?,
            number(at, "block")?,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(BlockRow {
                number: unsigned(row.number)?,
                hash: hash(&row.hash)?,
                parent: hash(&row.parent)?,
                timestamp: unsigned(row.timestamp)?,
            })
        })
        .transpose()
    }

    /// The highest stored block below a height.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn block_below(&self, id: ChainId, below: u64) -> Result<Option<BlockRow>, StoreError> {
        let height = query!(
            r#"select max(number) as number from chain_block where chain_id = $1 and number < $2"#,
            chain(id)?,
            number(below, "block")?,
        )
        .fetch_one(&self.pool)
        .await?
        .number;
        match height {
            Some(height) => self.block(id, unsigned(height)?).await,
            None => Ok(None),
        }
    }
}

async fn insert_blocks(tx: &mut PgConnection, id: i64, blocks: &[IndexedBlock]) -> Result<(), StoreError> {
    for blocks in blocks.chunks(BLOCKS_AT_ONCE) {
        let (mut numbers, mut times) = (Vec::new(), Vec::new());
        let (mut hashes, mut parents, mut has_events) = (Vec::new(), Vec::new(), Vec::new());
        for IndexedBlock { block, events } in blocks {
            numbers.push(number(block.number, "block")?);
            times.push(number(block.timestamp, "timestamp")?);
            hashes.push(block.hash.to_vec());
            parents.push(block.parent.to_vec());
            has_events.push(!events.is_empty());
        }
        query!(
            "insert into chain_block (chain_id, number, hash, parent, timestamp, has_events)
             select $1, number, hash, parent, timestamp, has_events
             from unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[], $6::boolean[])
                 as t (number, hash, parent, timestamp, has_events)",
            id,
            &numbers,
            &hashes,
            &parents,
            &times,
            &has_events,
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

async fn move_cursor(
    tx: &mut PgConnection,
    id: ChainId,
    from: &Cursor,
    to: (u64, B256),
    finalized: u64,
) -> Result<(), ApplyError> {
    let moved = query!(
        // A chain that reverted more than was final, but nothing of ours, is less final than it was. The final block is
        // as it was read: whoever else has raised it since is at work.
        "update chain_cursor set number = $4, hash = $5, final_number = least(greatest(final_number, $6), $4)
         where chain_id = $1 and number = $2 and hash = $3 and final_number = $7",
        chain(id)?,
        number(from.number, "block")?,
        from.hash.as_slice(),
        number(to.0, "block")?,
        to.1.as_slice(),
        number(finalized, "block")?,
        number(from.final_number, "block")?,
    )
    .execute(tx)
    .await
    .map_err(StoreError::from)?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(ApplyError::CursorMoved) }
}

async fn delete_above(tx: &mut PgConnection, id: i64, above: i64) -> Result<(), StoreError> {
    query!("delete from chain_block where chain_id = $1 and number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    query!("delete from lane_opened where chain_id = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    query!("delete from message where source_chain = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    query!("delete from delivery where destination_chain = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    query!("delete from recorded where destination_chain = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    query!("delete from executed where destination_chain = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    delete_money_above(tx, id, above).await?;
    query!("delete from validator_set where chain_id = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

async fn delete_money_above(tx: &mut PgConnection, id: i64, above: i64) -> Result<(), StoreError> {
    query!("delete from expired where destination_chain = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    query!("delete from struck where destination_chain = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    query!("delete from lane_ended where chain_id = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    query!("delete from follow_up where chain_id = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    query!("delete from fee_paid where source_chain = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    query!("delete from queued where chain_id = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    query!("delete from queue_ended where chain_id = $1 and block_number > $2", id, above)
        .execute(&mut *tx)
        .await?;
    Ok(())
}
