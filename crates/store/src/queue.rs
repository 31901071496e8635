//! Transfers that wait in rate limits' queues, and what was paid for deliveries.

use alloy_primitives::{B256, Bytes};
use icc_protocol::{ChainId, LaneId};
use sqlx::query;

use crate::{
    Store, StoreError,
    convert::{chain, chain_id, hash, lane, unsigned},
};

/// The head of a queue whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRelease {
    /// Which token.
    pub token_id: B256,
    /// Its place in the token's queue.
    pub index: u64,
    /// The message that carried it.
    pub message_id: B256,
    /// That message; `None` if its source is not indexed that far.
    pub encoded: Option<Bytes>,
    /// Where that message came from.
    pub source_chain: Option<ChainId>,
    /// Struck by the owner: only taken off.
    pub cancelled: bool,
}

/// What was paid for a lane's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneFees {
    /// The lane.
    pub lane: LaneId,
    /// From.
    pub source_chain: ChainId,
    /// To.
    pub destination_chain: ChainId,
    /// Wei of the source's coin.
    pub paid: u128,
}

impl Store {
    /// The heads of a chain's queues whose time has come, by the clock of its newest block; by this machine's where none
    /// is newer than the last final one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_releases(&self, id: ChainId) -> Result<Vec<DueRelease>, StoreError> {
        let rows = query!(
            r#"select head.token_id as "token_id!", head.index as "index!", head.message_id as "message_id!",
                      head.cancelled as "cancelled!", m.encoded as "encoded?", m.source_chain as "source_chain?"
               from (
                   select q.token_id, q.index, q.message_id, q.release_at,
                          exists(select 1 from queue_ended c where c.chain_id = q.chain_id
                                 and c.token_id = q.token_id and c.index = q.index and c.outcome = 2) as cancelled
                   from (select distinct token_id from queued where chain_id = $1) t
                   join queued q on q.chain_id = $1 and q.token_id = t.token_id
                     and q.index = (select coalesce(max(e.index) + 1, 0) from queue_ended e where e.chain_id = $1
                                    and e.token_id = t.token_id and e.outcome <> 2)
               ) head
               left join message m on m.message_id = head.message_id and m.destination_chain = $1
               where head.cancelled or head.release_at <= coalesce(
                   (select max(b.timestamp) from chain_block b where b.chain_id = $1
                    and b.number > (select c.final_number from chain_cursor c where c.chain_id = $1)),
                   extract(epoch from now()))
               order by head.release_at limit 1024"#,
            chain(id)?,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(DueRelease {
                    token_id: hash(&row.token_id)?,
                    index: unsigned(row.index)?,
                    message_id: hash(&row.message_id)?,
                    encoded: row.encoded.map(Bytes::from),
                    source_chain: row.source_chain.map(chain_id).transpose()?,
                    cancelled: row.cancelled,
                })
            })
            .collect()
    }

    /// What was paid for the messages of each lane of a chain, as far as it is indexed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lane_fees(&self, source: ChainId) -> Result<Vec<LaneFees>, StoreError> {
        let rows = query!(
            r#"select o.outbound, o.chain_id, o.remote_chain, coalesce(sum(f.amount), 0)::text as "paid!"
               from lane_opened o left join fee_paid f on f.lane = o.outbound and f.source_chain = o.chain_id
               where o.chain_id = $1
               group by 1, 2, 3 order by 1"#,
            chain(source)?,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(LaneFees {
                    lane: lane(&row.outbound)?,
                    source_chain: chain_id(row.chain_id)?,
                    destination_chain: chain_id(row.remote_chain)?,
                    paid: row.paid.parse().unwrap_or(u128::MAX),
                })
            })
            .collect()
    }
}
