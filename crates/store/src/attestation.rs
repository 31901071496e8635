//! Attestations and the checkpoints that a quorum of them makes.

use alloy_primitives::{Address, B256};
use icc_protocol::{ChainId, Checkpoint, CompactSignature, LaneId, ValidatorSet};
use sqlx::{query, query_scalar};

use crate::{
    Store, StoreError,
    convert::{chain_id, hash, lane as lane_id, number, unsigned},
    events::wake,
};

/// How far beyond the newest indexed message an attestation may be.
const MAX_AHEAD: i64 = 4096;

/// A stored attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredAttestation {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// By whom.
    pub signer: Address,
    /// The signature.
    pub signature: CompactSignature,
}

/// What a new attestation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntakeOutcome {
    /// It was known.
    Duplicate,
    /// It is not stored: the signer has signed two other accumulators of this nonce, which is evidence enough.
    Equivocator,
    /// It is not stored: its nonce is far beyond what is indexed.
    TooFarAhead,
    /// It counts; this many of this accumulator now.
    Counted(usize),
    /// It was the vote that reached the quorum, and has woken the lane.
    Quorum(usize),
}

/// What a new attestation did, and whether its signer has signed another accumulator of the same nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intaken {
    /// What it did.
    pub outcome: IntakeOutcome,
    /// Another one of that nonce is stored: evidence.
    pub equivocates: bool,
}

impl From<IntakeOutcome> for Intaken {
    fn from(outcome: IntakeOutcome) -> Self {
        Self { outcome, equivocates: false }
    }
}

impl Store {
    /// Stores an attestation whose signature has been checked, and the checkpoint if it now has a quorum of `set`.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is stored then.
    pub async fn add_attestation(
        &self,
        attestation: &StoredAttestation,
        set: &ValidatorSet,
    ) -> Result<Intaken, StoreError> {
        let checkpoint = &attestation.checkpoint;
        let lane = checkpoint.lane.0.as_slice();
        let nonce = number(checkpoint.nonce, "nonce")?;
        let mut tx = self.begin().await?;
        // One vote at a time for a checkpoint, so that exactly one of two simultaneous votes sees the quorum.
        query!(
            "select pg_advisory_xact_lock(hashtextextended(encode($1, 'hex') || $2::text, 0))",
            lane,
            nonce.to_string()
        )
        .fetch_one(&mut *tx)
        .await?;
        let bounds = query!(
            r#"select coalesce((select max(m.nonce) from message m where m.lane = $1), 0) as "newest!",
                      (select count(*) from attestation a
                       where a.lane = $1 and a.nonce = $2 and a.signer = $3 and a.accumulator <> $4) as "others!""#,
            lane,
            nonce,
            attestation.signer.as_slice(),
            checkpoint.accumulator.as_slice(),
        )
        .fetch_one(&mut *tx)
        .await?;
        if nonce > bounds.newest.saturating_add(MAX_AHEAD) {
            return Ok(IntakeOutcome::TooFarAhead.into());
        }
        let equivocates = bounds.others > 0;
        if bounds.others >= 2 {
            return Ok(Intaken { outcome: IntakeOutcome::Equivocator, equivocates });
        }
        let inserted = query!(
            "insert into attestation (lane, nonce, accumulator, signer, signature) values ($1, $2, $3, $4, $5)
             on conflict do nothing",
            lane,
            nonce,
            checkpoint.accumulator.as_slice(),
            attestation.signer.as_slice(),
            attestation.signature.0.as_slice(),
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        let members: Vec<Vec<u8>> = set.members().iter().map(|member| member.to_vec()).collect();
        let votes = query_scalar!(
            r#"select count(*) as "votes!" from attestation
               where lane = $1 and nonce = $2 and accumulator = $3 and signer = any($4)"#,
            lane,
            nonce,
            checkpoint.accumulator.as_slice(),
            &members,
        )
        .fetch_one(&mut *tx)
        .await?;
        let votes = usize::try_from(votes).unwrap_or(0);
        // A vote that is known can still complete a quorum: the set may have become smaller since.
        let mut outcome =
            if inserted == 0 { IntakeOutcome::Duplicate } else { IntakeOutcome::Counted(votes) };
        if votes >= set.quorum() {
            let new = query!(
                "insert into checkpoint (lane, nonce, accumulator) values ($1, $2, $3) on conflict do nothing",
                lane,
                nonce,
                checkpoint.accumulator.as_slice(),
            )
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if new == 1 {
                wake(&mut tx, checkpoint.lane).await?;
                outcome = IntakeOutcome::Quorum(votes);
            }
        }
        tx.commit().await?;
        Ok(Intaken { outcome, equivocates })
    }

    /// Attestations of one checkpoint.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attestations(
        &self,
        checkpoint: &Checkpoint,
    ) -> Result<Vec<(Address, CompactSignature)>, StoreError> {
        let rows = query!(
            "select signer, signature from attestation where lane = $1 and nonce = $2 and accumulator = $3",
            checkpoint.lane.0.as_slice(),
            number(checkpoint.nonce, "nonce")?,
            checkpoint.accumulator.as_slice(),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let signer = Address::try_from(row.signer.as_slice())
                    .map_err(|_| StoreError::Corrupt("a signer is no address".to_owned()))?;
                Ok((signer, signature(&row.signature)?))
            })
            .collect()
    }

    /// What one key has signed, from a lane and nonce on (included), in their order; at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn signed_by(
        &self,
        signer: Address,
        from: (LaneId, u64),
        limit: u32,
    ) -> Result<Vec<(Checkpoint, CompactSignature)>, StoreError> {
        let rows = query!(
            "select lane, nonce, accumulator, signature from attestation
             where signer = $1 and (lane, nonce) >= ($2, $3) order by lane, nonce, accumulator limit $4",
            signer.as_slice(),
            from.0.0.as_slice(),
            number(from.1, "nonce")?,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                let checkpoint = Checkpoint {
                    lane: lane_id(&row.lane)?,
                    nonce: unsigned(row.nonce)?,
                    accumulator: hash(&row.accumulator)?,
                };
                Ok((checkpoint, signature(&row.signature)?))
            })
            .collect()
    }

    /// The accumulator that this core holds as final at a nonce; `None` if it does not (yet).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn final_accumulator(&self, lane: LaneId, nonce: u64) -> Result<Option<B256>, StoreError> {
        let row = query_scalar!(
            "select m.accumulator from message m join chain_cursor c on c.chain_id = m.source_chain
             where m.lane = $1 and m.nonce = $2 and m.block_number <= c.final_number",
            lane.0.as_slice(),
            number(nonce, "nonce")?,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.as_deref().map(hash).transpose()
    }

    /// Lanes with final messages that are not delivered: lane, its destination, and the nonce delivered so far.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn undelivered_lanes(&self) -> Result<Vec<(LaneId, ChainId, u64)>, StoreError> {
        let rows = query!(
            r#"select l.outbound as "lane!", l.remote_chain as "destination!", d.nonce as "delivered!"
               from lane_opened l
               join lane_opened o on o.chain_id = l.remote_chain and o.inbound = l.outbound
               join chain_cursor c on c.chain_id = l.chain_id
               cross join lateral (
                   select coalesce(max(to_nonce), 0) as nonce from delivery where lane = l.outbound
               ) d
               cross join lateral (
                   select nonce from message where lane = l.outbound and block_number <= c.final_number
                   order by nonce desc limit 1
               ) m
               where m.nonce > d.nonce"#
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| Ok((lane_id(&row.lane)?, chain_id(row.destination)?, unsigned(row.delivered)?)))
            .collect()
    }
}

pub(crate) fn signature(bytes: &[u8]) -> Result<CompactSignature, StoreError> {
    let bytes = <[u8; 64]>::try_from(bytes);
    bytes.map(CompactSignature).map_err(|_| StoreError::Corrupt("a signature is not 64 bytes".to_owned()))
}
