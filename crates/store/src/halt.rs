//! What must stop a lane until somebody has looked.

use icc_protocol::{ChainId, LaneId};
use sqlx::{query, query_scalar};

use crate::{Store, StoreError, convert::chain};

impl Store {
    /// Says that a chain cannot be followed any further, and why.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn halt(&self, id: ChainId, problem: &str) -> Result<(), StoreError> {
        query!(
            "insert into chain_halt (chain_id, problem) values ($1, $2)
             on conflict (chain_id) do update set problem = $2 where chain_halt.problem <> $2",
            chain(id)?,
            problem.chars().take(500).collect::<String>(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Says that a chain is followed again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_halt(&self, id: ChainId) -> Result<(), StoreError> {
        query!("delete from chain_halt where chain_id = $1", chain(id)?).execute(&self.pool).await?;
        Ok(())
    }

    /// Why one of a lane's ends cannot be followed; `None` if both are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn halted(&self, ends: [ChainId; 2]) -> Result<Option<String>, StoreError> {
        let [source, destination] = ends;
        let problem = query_scalar!(
            "select problem from chain_halt where chain_id in ($1, $2) order by chain_id limit 1",
            chain(source)?,
            chain(destination)?,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(problem)
    }

    /// Whether the newest delivery on a lane left its inbox at another accumulator than the source has at that nonce:
    /// then one of the chains reverted its finality, also if it was indexed anew since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_is_foreign(&self, lane: LaneId) -> Result<bool, StoreError> {
        let foreign = query_scalar!(
            r#"select d.accumulator <> m.accumulator as "foreign!"
               from (select to_nonce, accumulator from delivery where lane = $1 order by to_nonce desc limit 1) d
               join message m on m.lane = $1 and m.nonce = d.to_nonce"#,
            lane.0.as_slice(),
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(foreign.unwrap_or(false))
    }
}
