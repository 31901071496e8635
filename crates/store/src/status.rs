//! What people ask: where is my message, how are the chains.

use alloy_primitives::{B256, Bytes};
use icc_protocol::{ChainId, FollowUp, LaneId, Progress, RecordedReason};
use sqlx::{query, query_scalar};

use crate::{
    Store, StoreError,
    convert::{chain_id, hash, lane, number, unsigned},
};

/// A message that waits for `execute`, or waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedStatus {
    /// Why.
    pub reason: RecordedReason,
    /// How often the relay tried.
    pub attempts: u32,
    /// What happened last.
    pub last_error: Option<String>,
    /// The owner struck it.
    pub struck: bool,
}

/// Tokens that wait in a rate limit's queue, or waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuedStatus {
    /// UNIX seconds.
    pub release_at: u64,
    /// Could not be paid out when its turn came: waits to be claimed.
    pub claimable: bool,
}

/// All that is known of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStatus {
    /// Its lane.
    pub lane: LaneId,
    /// Its nonce.
    pub nonce: u64,
    /// From.
    pub source_chain: ChainId,
    /// To.
    pub destination_chain: ChainId,
    /// As sent.
    pub encoded: Bytes,
    /// Height of its block.
    pub source_block: u64,
    /// Height up to which the source is final.
    pub source_final: u64,
    /// Its transaction.
    pub source_transaction: B256,
    /// While there is no quorum: signatures on the checkpoint at or soon after it that has most.
    pub signatures: u32,
    /// The transaction that delivered it.
    pub delivery_transaction: Option<B256>,
    /// Set if it was recorded.
    pub recorded: Option<RecordedStatus>,
    /// Set if its tokens wait, or waited.
    pub queued: Option<QueuedStatus>,
    /// The message that it led to.
    pub follow_up: Option<(FollowUp, LaneId, u64)>,
    /// What was paid for its delivery, in wei of the source's coin.
    pub fee_paid: u128,
    /// The transaction that executed it after it was recorded, or sent its refund.
    pub execute_transaction: Option<B256>,
    /// Why one of the lane's ends cannot be followed any further.
    pub halted: Option<String>,
    /// What the relay of its lane says.
    pub relay_note: Option<String>,
    /// The facts that make its state; without that of the message that it led to.
    pub progress: Progress,
}

/// How far a chain is indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainStatus {
    /// Which.
    pub chain: ChainId,
    /// Newest block seen.
    pub head: u64,
    /// Last block indexed.
    pub indexed: u64,
    /// Last final block.
    pub finalized: u64,
    /// Why it cannot be followed any further.
    pub halted: Option<String>,
}

impl Store {
    /// Messages sent by a transaction, in order; at most 64.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages_of(&self, transaction: B256) -> Result<Vec<(LaneId, u64)>, StoreError> {
        let rows = query!(
            "select lane, nonce from message where transaction = $1 order by log_index limit 64",
            transaction.as_slice()
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((lane(&row.lane)?, unsigned(row.nonce)?))).collect()
    }

    /// Where a message is; `None` if it is not known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message_status(&self, id: LaneId, nonce: u64) -> Result<Option<MessageStatus>, StoreError> {
        let key = id.0.as_slice();
        let n = number(nonce, "nonce")?;
        let row = query!(
            r#"select m.source_chain, m.destination_chain, m.encoded, m.block_number, m.transaction,
                      s.final_number as "source_final!",
                      d.transaction as "delivered_by?", d.block_number as "delivered_at?",
                      r.reason as "reason?", r.block_number as "recorded_at?",
                      exists(select 1 from struck w where w.message_id = m.message_id
                             and w.destination_chain = m.destination_chain) as "struck!",
                      e.transaction as "executed_by?", e.block_number as "executed_at?",
                      x.transaction as "expired_by?", x.block_number as "expired_at?",
                      q.release_at as "release_at?", z.outcome as "outcome?", z.block_number as "queue_ended_at?",
                      f.why as "why?", f.lane as "next_lane?", f.nonce as "next_nonce?",
                      (select coalesce(sum(p.amount), 0)::text from fee_paid p
                       where p.lane = m.lane and p.nonce = m.nonce) as "fee_paid!",
                      t.final_number as "destination_final?",
                      a.attempts as "attempts?", a.last_error as "last_error?",
                      n.note as "note?",
                      (select h.problem from chain_halt h
                       where h.chain_id in (m.source_chain, m.destination_chain) order by h.chain_id limit 1) as "halted?",
                      exists(select 1 from checkpoint k where k.lane = m.lane and k.nonce >= m.nonce) as "quorum!"
               from message m
               join chain_cursor s on s.chain_id = m.source_chain
               left join chain_cursor t on t.chain_id = m.destination_chain
               left join lateral (
                   select * from delivery v where v.lane = m.lane and v.to_nonce >= m.nonce order by v.to_nonce limit 1
               ) d on d.from_nonce <= m.nonce
               left join recorded r on r.lane = m.lane and r.nonce = m.nonce
               left join executed e on e.lane = m.lane and e.nonce = m.nonce
               left join expired x on x.lane = m.lane and x.nonce = m.nonce
               left join queued q on q.message_id = m.message_id and q.chain_id = m.destination_chain
               left join lateral (
                   select outcome, block_number from queue_ended y
                   where y.chain_id = q.chain_id and y.token_id = q.token_id and y.index = q.index
                   order by y.outcome desc limit 1
               ) z on true
               left join follow_up f on f.message_id = m.message_id and f.chain_id = m.destination_chain
               left join execute_attempt a on a.lane = m.lane and a.nonce = m.nonce
               left join relay_note n on n.lane = m.lane
               where m.lane = $1 and m.nonce = $2"#,
            key,
            n,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let last_step = row
            .queue_ended_at
            .or(row.expired_at)
            .or(row.executed_at)
            .or(row.recorded_at)
            .or(row.delivered_at);
        let follow_up = match (row.why, &row.next_lane, row.next_nonce) {
            (Some(why), Some(next), Some(nonce)) => {
                let why = u8::try_from(why).ok().and_then(FollowUp::from_code);
                let why = why.ok_or_else(|| StoreError::Corrupt("an unknown follow-up".to_owned()))?;
                Some((why, lane(next)?, unsigned(nonce)?))
            }
            _ => None,
        };
        let progress = Progress {
            source_final: row.block_number <= row.source_final,
            quorum: row.quorum,
            in_inbox: row.delivered_by.is_some(),
            recorded: row.reason.is_some(),
            executed: row.executed_by.is_some(),
            expired: row.expired_by.is_some(),
            queued: row.release_at.is_some() && row.outcome.is_none(),
            cancelled: row.outcome == Some(2),
            follow_up: None,
            destination_final: last_step.zip(row.destination_final).is_some_and(|(at, last)| at <= last),
        };
        let recorded = row.reason.map(|reason| {
            let reason = u8::try_from(reason).ok().and_then(RecordedReason::from_code);
            Ok::<_, StoreError>(RecordedStatus {
                reason: reason.ok_or_else(|| StoreError::Corrupt("an unknown reason".to_owned()))?,
                attempts: row.attempts.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
                last_error: row.last_error,
                struck: row.struck,
            })
        });
        Ok(Some(MessageStatus {
            lane: id,
            nonce,
            source_chain: chain_id(row.source_chain)?,
            destination_chain: chain_id(row.destination_chain)?,
            encoded: row.encoded.into(),
            source_block: unsigned(row.block_number)?,
            source_final: unsigned(row.source_final)?,
            source_transaction: hash(&row.transaction)?,
            signatures: if progress.quorum { 0 } else { self.most_signatures(key, n).await? },
            delivery_transaction: row.delivered_by.as_deref().map(hash).transpose()?,
            recorded: recorded.transpose()?,
            queued: row
                .release_at
                .map(|at| {
                    Ok::<_, StoreError>(QueuedStatus {
                        release_at: unsigned(at)?,
                        claimable: row.outcome == Some(1),
                    })
                })
                .transpose()?,
            follow_up,
            fee_paid: row.fee_paid.parse().unwrap_or(u128::MAX),
            execute_transaction: row
                .executed_by
                .as_deref()
                .or(row.expired_by.as_deref())
                .map(hash)
                .transpose()?,
            halted: row.halted,
            relay_note: row.note.filter(|note| !note.is_empty()),
            progress,
        }))
    }

    async fn most_signatures(&self, lane: &[u8], nonce: i64) -> Result<u32, StoreError> {
        let most = query_scalar!(
            r#"select count(*) as "votes!" from attestation where lane = $1 and nonce between $2 and $2 + 256
               group by nonce, accumulator order by 1 desc limit 1"#,
            lane,
            nonce,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(most.and_then(|votes| u32::try_from(votes).ok()).unwrap_or(0))
    }

    /// How far each chain is indexed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chains(&self) -> Result<Vec<ChainStatus>, StoreError> {
        let rows = query!(
            r#"select c.chain_id, c.head_number, c.number, c.final_number, h.problem as "problem?"
                   from chain_cursor c left join chain_halt h on h.chain_id = c.chain_id order by c.chain_id"#
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(ChainStatus {
                    chain: chain_id(row.chain_id)?,
                    head: unsigned(row.head_number)?,
                    indexed: unsigned(row.number)?,
                    finalized: unsigned(row.final_number)?,
                    halted: row.problem,
                })
            })
            .collect()
    }
}
