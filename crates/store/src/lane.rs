//! What the relay reads of a lane.

use alloy_primitives::{B256, Bytes};
use icc_protocol::{ChainId, Checkpoint, LaneId, ValidatorSet};
use sqlx::{query, query_as, query_scalar};

use crate::{
    Store, StoreError,
    convert::{chain, chain_id, hash, lane, number, unsigned, words},
};

/// An open lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneRow {
    /// Its id.
    pub lane: LaneId,
    /// From.
    pub source_chain: ChainId,
    /// The sending gateway.
    pub source_gateway: B256,
    /// To.
    pub destination_chain: ChainId,
    /// Generation.
    pub generation: u32,
}

/// A lane pair as one of its ends has opened it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenedRow {
    /// The other chain.
    pub destination: ChainId,
    /// Generation of both lanes.
    pub generation: u32,
    /// From here to there.
    pub outbound: LaneId,
    /// From there to here.
    pub inbound: LaneId,
}

struct LaneColumns {
    chain_id: i64,
    gateway: Vec<u8>,
    remote_chain: i64,
    generation: i64,
    outbound: Vec<u8>,
}

impl TryFrom<LaneColumns> for LaneRow {
    type Error = StoreError;

    fn try_from(row: LaneColumns) -> Result<Self, StoreError> {
        Ok(Self {
            lane: lane(&row.outbound)?,
            source_chain: chain_id(row.chain_id)?,
            source_gateway: hash(&row.gateway)?,
            destination_chain: chain_id(row.remote_chain)?,
            generation: u32::try_from(row.generation)
                .map_err(|_| StoreError::Corrupt("a generation is out of range".to_owned()))?,
        })
    }
}

/// A checkpoint with a quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuorumCheckpoint(pub Checkpoint);

/// Consecutive messages of a lane after an accumulator.
#[derive(Debug, Clone, Default)]
pub struct LaneBacklog {
    /// Nonce of the message at the accumulator asked for (0: before the first).
    pub after_nonce: u64,
    /// Encoded messages from `after_nonce + 1`.
    pub messages: Vec<Bytes>,
}

impl Store {
    /// All lanes that both of their ends have opened: what one end says alone makes nobody work.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lanes(&self) -> Result<Vec<LaneRow>, StoreError> {
        let rows = query_as!(
            LaneColumns,
            "select o.chain_id, o.gateway, o.remote_chain, o.generation, o.outbound from lane_opened o
             join lane_opened d on d.chain_id = o.remote_chain and d.inbound = o.outbound order by o.outbound"
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(LaneRow::try_from).collect()
    }

    /// The lanes that a chain's gateway has opened, as far as it is indexed: destination and generation, and the ids of
    /// the lanes from there and to there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn opened_by(&self, id: ChainId) -> Result<Vec<OpenedRow>, StoreError> {
        let rows = query!(
            "select remote_chain, generation, outbound, inbound from lane_opened where chain_id = $1",
            chain(id)?
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let generation = u32::try_from(row.generation);
                Ok(OpenedRow {
                    destination: chain_id(row.remote_chain)?,
                    generation: generation
                        .map_err(|_| StoreError::Corrupt("a generation is out of range".to_owned()))?,
                    outbound: lane(&row.outbound)?,
                    inbound: lane(&row.inbound)?,
                })
            })
            .collect()
    }

    /// One lane; `None` if not both of its ends have opened it, as far as they are indexed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lane(&self, id: LaneId) -> Result<Option<LaneRow>, StoreError> {
        let row = query_as!(
            LaneColumns,
            "select o.chain_id, o.gateway, o.remote_chain, o.generation, o.outbound from lane_opened o
             join lane_opened d on d.chain_id = o.remote_chain and d.inbound = o.outbound where o.outbound = $1",
            id.0.as_slice(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(LaneRow::try_from).transpose()
    }

    /// The nonce at which a lane's accumulator is `accumulator`; 0 for the lane id itself, `None` if unknown.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn nonce_at(&self, lane: LaneId, accumulator: B256) -> Result<Option<u64>, StoreError> {
        if accumulator == lane.0 {
            return Ok(Some(0));
        }
        let nonce = query_scalar!(
            "select nonce from message where lane = $1 and accumulator = $2",
            lane.0.as_slice(),
            accumulator.as_slice(),
        )
        .fetch_optional(&self.pool)
        .await?;
        nonce.map(unsigned).transpose()
    }

    /// The newest nonce that the destination's indexer has seen delivered; 0 before the first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivered_nonce(&self, lane: LaneId) -> Result<u64, StoreError> {
        let nonce = query_scalar!("select max(to_nonce) from delivery where lane = $1", lane.0.as_slice())
            .fetch_one(&self.pool)
            .await?;
        nonce.map_or(Ok(0), unsigned)
    }

    /// Whether the destination has closed a lane, as far as it is indexed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn inbox_has_ended(&self, lane: LaneId) -> Result<bool, StoreError> {
        let ended = query_scalar!(
            r#"select exists(select 1 from lane_ended where inbound = $1) as "ended!""#,
            lane.0.as_slice()
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(ended)
    }

    /// Up to `limit` messages after a nonce, up to and including `last`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages(
        &self,
        lane: LaneId,
        after: u64,
        last: u64,
        limit: u32,
    ) -> Result<LaneBacklog, StoreError> {
        let rows = query_scalar!(
            "select encoded from message where lane = $1 and nonce > $2 and nonce <= $3 order by nonce limit $4",
            lane.0.as_slice(),
            number(after, "nonce")?,
            number(last, "nonce")?,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(LaneBacklog { after_nonce: after, messages: rows.into_iter().map(Bytes::from).collect() })
    }

    /// The leaves of up to `limit` final messages after a nonce, in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn final_leaves(&self, lane: LaneId, after: u64, limit: u32) -> Result<Vec<B256>, StoreError> {
        let rows = query_scalar!(
            "select m.leaf from message m join chain_cursor c on c.chain_id = m.source_chain
             where m.lane = $1 and m.nonce > $2 and m.block_number <= c.final_number order by m.nonce limit $3",
            lane.0.as_slice(),
            number(after, "nonce")?,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|leaf| hash(leaf)).collect()
    }

    /// Whether any checkpoint is after a nonce.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_checkpoint_after(&self, lane: LaneId, after: u64) -> Result<bool, StoreError> {
        let found = query_scalar!(
            r#"select exists(select 1 from checkpoint where lane = $1 and nonce > $2) as "found!""#,
            lane.0.as_slice(),
            number(after, "nonce")?,
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(found)
    }

    /// Checkpoints after a nonce that a quorum of `set` has signed (after a rotation, not all that once had one),
    /// oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn checkpoints_after(
        &self,
        lane: LaneId,
        after: u64,
        set: &ValidatorSet,
        limit: u32,
    ) -> Result<Vec<QuorumCheckpoint>, StoreError> {
        let members: Vec<Vec<u8>> = set.members().iter().map(|member| member.to_vec()).collect();
        let rows = query!(
            "select k.nonce, k.accumulator from checkpoint k
             where k.lane = $1 and k.nonce > $2
               and (select count(*) from attestation a
                    where a.lane = k.lane and a.nonce = k.nonce and a.accumulator = k.accumulator
                      and a.signer = any($4)) >= $5
             order by k.nonce limit $3",
            lane.0.as_slice(),
            number(after, "nonce")?,
            i64::from(limit),
            &members,
            i64::try_from(set.quorum()).unwrap_or(i64::MAX),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let checkpoint =
                    Checkpoint { lane, nonce: unsigned(row.nonce)?, accumulator: hash(&row.accumulator)? };
                Ok(QuorumCheckpoint(checkpoint))
            })
            .collect()
    }

    /// The current validator set of a chain's gateway, as far as it is indexed.
    ///
    /// # Errors
    /// [`StoreError`], also for a stored set that is none.
    pub async fn current_set(&self, id: ChainId) -> Result<Option<(u64, ValidatorSet)>, StoreError> {
        let row = query!(
            "select epoch, members from validator_set where chain_id = $1 order by epoch desc limit 1",
            chain(id)?
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            let set =
                ValidatorSet::decode(&row.members).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            Ok((unsigned(row.epoch)?, set))
        })
        .transpose()
    }

    /// Says why a lane's relay does not get on; an empty note clears it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_relay(&self, lane: LaneId, note: &str) -> Result<(), StoreError> {
        query!(
            "insert into relay_note (lane, note) values ($1, $2)
             on conflict (lane) do update set note = $2, noted_at = now() where relay_note.note <> $2",
            lane.0.as_slice(),
            words(note),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
