//! Who signs too late.

use std::time::Duration;

use alloy_primitives::Address;
use icc_protocol::LaneId;
use sqlx::query;

use crate::{Store, StoreError, convert::unsigned, evidence::address};

/// Checkpoints judged at once.
const ROUND: i64 = 256;

impl Store {
    /// Judges checkpoints of a lane that reached their quorum at least `limit` ago: who of `members` had not signed
    /// within `limit` of the first signature is late. Each is judged once, whoever asks; returns nonces and who.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is judged then.
    pub async fn judge_late(
        &self,
        lane: LaneId,
        members: &[Address],
        limit: Duration,
    ) -> Result<Vec<(u64, Address)>, StoreError> {
        let members: Vec<Vec<u8>> = members.iter().map(|member| member.to_vec()).collect();
        let mut tx = self.begin().await?;
        let judged = query!(
            "update checkpoint set judged = true where lane = $1 and nonce in (
                 select nonce from checkpoint
                 where lane = $1 and not judged and quorum_at <= now() - make_interval(secs => $2)
                 order by nonce limit $3 for update skip locked
             ) returning nonce",
            lane.0.as_slice(),
            limit.as_secs_f64(),
            ROUND,
        )
        .fetch_all(&mut *tx)
        .await?;
        let nonces: Vec<i64> = judged.iter().map(|row| row.nonce).collect();
        let late = query!(
            r#"insert into late (lane, nonce, signer)
               select c.lane, c.nonce, m.signer
               from checkpoint c
               cross join unnest($3::bytea[]) as m(signer)
               cross join lateral (
                   select min(a.received_at) as first from attestation a
                   where a.lane = c.lane and a.nonce = c.nonce and a.accumulator = c.accumulator
               ) f
               where c.lane = $1 and c.nonce = any($2)
                 and not exists (
                     select 1 from attestation a
                     where a.lane = c.lane and a.nonce = c.nonce and a.accumulator = c.accumulator
                       and a.signer = m.signer and a.received_at <= f.first + make_interval(secs => $4)
                 )
               on conflict do nothing
               returning nonce, signer"#,
            lane.0.as_slice(),
            &nonces,
            &members,
            limit.as_secs_f64(),
        )
        .fetch_all(&mut *tx)
        .await?;
        query!("delete from late where noted_at < now() - interval '7 days'").execute(&mut *tx).await?;
        tx.commit().await?;
        late.iter().map(|row| Ok((unsigned(row.nonce)?, address(&row.signer)?))).collect()
    }

    /// How many checkpoints each validator was late for within the last day.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn late_today(&self) -> Result<Vec<(Address, u64)>, StoreError> {
        let rows = query!(
            r#"select signer, count(*) as "late!" from late where noted_at > now() - interval '1 day'
               group by signer order by signer"#
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((address(&row.signer)?, unsigned(row.late)?))).collect()
    }
}
