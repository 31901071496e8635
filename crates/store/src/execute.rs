//! Recorded messages that the relay may execute, or refund past their deadline.

use std::time::Duration;

use alloy_primitives::Bytes;
use icc_protocol::LaneId;
use sqlx::query;

use crate::{
    Store, StoreError,
    convert::{number, unsigned, words},
};

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueKind {
    /// To be executed.
    Execute,
    /// Past its deadline: to be refunded.
    Expire,
}

/// A recorded message whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueExecution {
    /// What is to be done.
    pub kind: DueKind,
    /// Its nonce.
    pub nonce: u64,
    /// The encoded message.
    pub encoded: Bytes,
    /// How often it has been tried.
    pub attempts: u32,
}

impl Store {
    /// Recorded messages of a lane that are neither executed nor refunded, whose pause after the last attempt is over,
    /// and that have been tried fewer than `max_attempts` times. Refunds of either end (a message past its deadline,
    /// which is bytes 9..17; a refund itself, unless it passes simulations and fails on the chain) are tried for ever.
    /// Deadlines are by the destination's own clock, its newest block, as it will judge them itself; by this machine's
    /// where no block is newer than the last final one. A pause longer than any that is made is of a clock that has gone
    /// back since, and over.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_executions(
        &self,
        lane: LaneId,
        max_attempts: u32,
        limit: u32,
    ) -> Result<Vec<DueExecution>, StoreError> {
        let rows = query!(
            r#"select d.nonce as "nonce!", d.encoded as "encoded!", d.attempts as "attempts!", d.late as "late!"
               from (
                   select r.nonce, r.reason, m.encoded, coalesce(a.attempts, 0) as attempts, a.next_at,
                          a.last_error, get_byte(m.encoded, 0) = 2 as refund,
                          substring(m.encoded from 10 for 8) <> '\x0000000000000000'
                          and get_byte(m.encoded, 9) < 128
                          and ('x' || encode(substring(m.encoded from 10 for 8), 'hex'))::bit(64)::bigint
                              < coalesce((select max(b.timestamp) from chain_block b where b.chain_id = r.destination_chain
                                            and b.number > (select c.final_number from chain_cursor c
                                                            where c.chain_id = r.destination_chain)),
                                         extract(epoch from now())) as late
                   from recorded r
                   join message m on m.lane = r.lane and m.nonce = r.nonce
                   left join executed e on e.lane = r.lane and e.nonce = r.nonce
                   left join expired x on x.lane = r.lane and x.nonce = r.nonce
                   left join execute_attempt a on a.lane = r.lane and a.nonce = r.nonce
                   where r.lane = $1 and e.nonce is null and x.nonce is null
                     and not exists(select 1 from struck s where s.message_id = r.message_id
                                    and s.destination_chain = r.destination_chain)
               ) d
               where (d.late or d.reason in (0, 1))
                 and (d.late or d.attempts < $2
                      or (d.refund and coalesce(d.last_error, '') not like 'transaction reverted in block%'))
                 and (coalesce(d.next_at, now()) <= now() or d.next_at > now() + interval '2 hours')
               order by d.nonce limit $3"#,
            lane.0.as_slice(),
            i32::try_from(max_attempts).unwrap_or(i32::MAX),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(DueExecution {
                    kind: if row.late { DueKind::Expire } else { DueKind::Execute },
                    nonce: unsigned(row.nonce)?,
                    encoded: row.encoded.into(),
                    attempts: u32::try_from(row.attempts).unwrap_or(0),
                })
            })
            .collect()
    }

    /// Pauses an execution without counting a try.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn postpone_execution(
        &self,
        lane: LaneId,
        nonce: u64,
        reason: &str,
        pause: Duration,
    ) -> Result<(), StoreError> {
        query!(
            "insert into execute_attempt (lane, nonce, attempts, next_at, last_error)
             values ($1, $2, 0, now() + make_interval(secs => $4), $3)
             on conflict (lane, nonce) do update set next_at = excluded.next_at, last_error = excluded.last_error",
            lane.0.as_slice(),
            number(nonce, "nonce")?,
            words(reason),
            pause.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Notes that an execution was tried, and pauses it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_execution(
        &self,
        lane: LaneId,
        nonce: u64,
        error: &str,
        pause: Duration,
    ) -> Result<(), StoreError> {
        query!(
            "insert into execute_attempt (lane, nonce, attempts, next_at, last_error)
             values ($1, $2, 1, now() + make_interval(secs => $4), $3)
             on conflict (lane, nonce) do update set attempts = execute_attempt.attempts + 1, next_at = excluded.next_at,
                 last_error = excluded.last_error",
            lane.0.as_slice(),
            number(nonce, "nonce")?,
            words(error),
            pause.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
