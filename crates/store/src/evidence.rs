//! Proofs of lies, and the attestations that may be some.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use icc_protocol::{ChainId, Checkpoint, EpochRecord, LaneId};
use sqlx::{query, query_as};

use crate::{
    Store, StoreError, StoredAttestation,
    attestation::signature,
    convert::{chain, hash, lane as lane_id, number, unsigned, words},
};

/// Most rows that are told.
const MAX_TOLD: i64 = 1000;

/// An attestation as it is stored.
struct Signed {
    nonce: i64,
    accumulator: Vec<u8>,
    signer: Vec<u8>,
    signature: Vec<u8>,
}

impl Signed {
    fn stored(self, lane: LaneId) -> Result<StoredAttestation, StoreError> {
        let (nonce, accumulator) = (unsigned(self.nonce)?, hash(&self.accumulator)?);
        Ok(StoredAttestation {
            checkpoint: Checkpoint { lane, nonce, accumulator },
            signer: address(&self.signer)?,
            signature: signature(&self.signature)?,
        })
    }
}

/// A proof of a lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRow {
    /// Who lied.
    pub signer: Address,
    /// `equivocation`, `false_checkpoint` or `false_set`.
    pub kind: String,
    /// The lane; of sets, the epoch.
    pub subject: B256,
    /// Where it is to be submitted.
    pub chain: ChainId,
    /// JSON.
    pub body: String,
    /// How often it has been tried.
    pub attempts: u32,
    /// What became of it; `None`: it is to be submitted.
    pub outcome: Option<String>,
}

impl Store {
    /// Keeps a proof, unless one of its kind, signer and subject is known; one that came to nothing makes room. Returns
    /// whether it is news.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_evidence(&self, row: &EvidenceRow) -> Result<bool, StoreError> {
        let added = query!(
            "insert into evidence (signer, kind, subject, chain_id, body) values ($1, $2, $3, $4, $5)
             on conflict (signer, kind, subject) do update
             set chain_id = excluded.chain_id, body = excluded.body, attempts = 0, next_at = now(), outcome = null
             where evidence.body <> excluded.body and evidence.outcome is not null
               and evidence.outcome <> 'convicted'",
            row.signer.as_slice(),
            row.kind,
            row.subject.as_slice(),
            chain(row.chain)?,
            row.body,
        )
        .execute(&self.pool)
        .await?
        .rows_affected();
        Ok(added == 1)
    }

    /// Proofs that are to be submitted to a chain now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due_evidence(&self, id: ChainId, limit: u32) -> Result<Vec<EvidenceRow>, StoreError> {
        let rows = query!(
            "select signer, kind, subject, body, attempts from evidence
             where chain_id = $1 and outcome is null and next_at <= now() order by found_at limit $2",
            chain(id)?,
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(EvidenceRow {
                    signer: address(&row.signer)?,
                    kind: row.kind,
                    subject: hash(&row.subject)?,
                    chain: id,
                    body: row.body,
                    attempts: u32::try_from(row.attempts).unwrap_or(0),
                    outcome: None,
                })
            })
            .collect()
    }

    /// Notes that submitting failed, and pauses it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_evidence(
        &self,
        row: &EvidenceRow,
        error: &str,
        pause: Duration,
    ) -> Result<(), StoreError> {
        query!(
            "update evidence set attempts = attempts + 1, next_at = now() + make_interval(secs => $4), last_error = $5
             where signer = $1 and kind = $2 and subject = $3",
            row.signer.as_slice(),
            row.kind,
            row.subject.as_slice(),
            pause.as_secs_f64(),
            words(error),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Notes what became of a proof, for good.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn settle_evidence(&self, row: &EvidenceRow, outcome: &str) -> Result<(), StoreError> {
        query!(
            "update evidence set outcome = $4 where signer = $1 and kind = $2 and subject = $3",
            row.signer.as_slice(),
            row.kind,
            row.subject.as_slice(),
            words(outcome),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// All proofs, the newest first; at most a thousand.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn evidence(&self) -> Result<Vec<EvidenceRow>, StoreError> {
        let rows = query!(
            "select signer, kind, subject, chain_id, body, attempts, outcome from evidence
             order by found_at desc limit $1",
            MAX_TOLD,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(EvidenceRow {
                    signer: address(&row.signer)?,
                    kind: row.kind,
                    subject: hash(&row.subject)?,
                    chain: ChainId(unsigned(row.chain_id)?),
                    body: row.body,
                    attempts: u32::try_from(row.attempts).unwrap_or(0),
                    outcome: row.outcome,
                })
            })
            .collect()
    }

    /// What else a key has signed of a nonce.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn other_word(
        &self,
        attestation: &StoredAttestation,
    ) -> Result<Option<StoredAttestation>, StoreError> {
        let Checkpoint { lane, nonce, accumulator } = attestation.checkpoint;
        let row = query!(
            "select accumulator, signature from attestation
             where lane = $1 and nonce = $2 and signer = $3 and accumulator <> $4 limit 1",
            lane.0.as_slice(),
            number(nonce, "nonce")?,
            attestation.signer.as_slice(),
            accumulator.as_slice(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            let checkpoint = Checkpoint { accumulator: hash(&row.accumulator)?, ..attestation.checkpoint };
            Ok(StoredAttestation {
                checkpoint,
                signer: attestation.signer,
                signature: signature(&row.signature)?,
            })
        })
        .transpose()
    }

    /// Attestations of a lane above a nonce that messages in blocks up to `finalized` contradict: the lowest of each signer, who is not convicted
    /// yet. At most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn contradicted(
        &self,
        lane: LaneId,
        above: u64,
        finalized: u64,
        limit: u32,
    ) -> Result<Vec<StoredAttestation>, StoreError> {
        let rows = query_as!(
            Signed,
            "select distinct on (a.signer) a.nonce, a.accumulator, a.signer, a.signature
             from attestation a
             where a.lane = $1 and a.nonce > $2
               and a.accumulator <> (select m.accumulator from message m
                                     where m.lane = a.lane and m.nonce = a.nonce and m.block_number <= $4)
               and not exists (select from evidence e where e.signer = a.signer and e.outcome = 'convicted')
             order by a.signer, a.nonce limit $3",
            lane.0.as_slice(),
            number(above, "nonce")?,
            i64::from(limit),
            number(finalized, "height")?,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| row.stored(lane)).collect()
    }

    /// Attestations of a lane beyond a nonce that are at least so old: the lowest of each signer, who is not convicted yet.
    /// At most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn attested_beyond(
        &self,
        lane: LaneId,
        beyond: u64,
        age: Duration,
        limit: u32,
    ) -> Result<Vec<StoredAttestation>, StoreError> {
        let rows = query_as!(
            Signed,
            "select distinct on (a.signer) a.nonce, a.accumulator, a.signer, a.signature
             from attestation a
             where a.lane = $1 and a.nonce > $2 and a.received_at <= now() - make_interval(secs => $3)
               and not exists (select from evidence e where e.signer = a.signer and e.outcome = 'convicted')
             order by a.signer, a.nonce limit $4",
            lane.0.as_slice(),
            number(beyond, "nonce")?,
            age.as_secs_f64(),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(|row| row.stored(lane)).collect()
    }

    /// The newest final message of each lane: lane, nonce, and the height up to which its chain is final.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn final_ends(&self) -> Result<Vec<(LaneId, u64, u64)>, StoreError> {
        let rows = query!(
            r#"select l.outbound as "lane!", c.final_number as "block!",
                      coalesce((select m.nonce from message m where m.lane = l.outbound
                                  and m.block_number <= c.final_number order by m.nonce desc limit 1), 0) as "nonce!"
               from lane_opened l join chain_cursor c on c.chain_id = l.chain_id
               join lane_opened o on o.chain_id = l.remote_chain and o.inbound = l.outbound"#
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((lane_id(&row.lane)?, unsigned(row.nonce)?, unsigned(row.block)?))).collect()
    }

    /// The leaves of a lane after one nonce and up to another, as far as they are indexed, and the accumulator after the
    /// last of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn leaves(&self, lane: LaneId, after: u64, to: u64) -> Result<Vec<(B256, B256)>, StoreError> {
        let rows = query!(
            "select leaf, accumulator from message where lane = $1 and nonce > $2 and nonce <= $3 order by nonce",
            lane.0.as_slice(),
            number(after, "nonce")?,
            number(to, "nonce")?,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| Ok((hash(&row.leaf)?, hash(&row.accumulator)?))).collect()
    }

    /// The accumulator and nonce of the newest indexed message of a lane, final or not; the lane itself before the first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_message(&self, lane: LaneId) -> Result<(u64, B256), StoreError> {
        let row = query!(
            "select nonce, accumulator from message where lane = $1 order by nonce desc limit 1",
            lane.0.as_slice(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map_or(Ok((0, lane.0)), |row| Ok((unsigned(row.nonce)?, hash(&row.accumulator)?)))
    }

    /// The newest delivery of a lane: up to which nonce, with which accumulator, in which transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_delivery(&self, lane: LaneId) -> Result<Option<(u64, B256, B256)>, StoreError> {
        let row = query!(
            "select to_nonce, accumulator, transaction from delivery where lane = $1 order by to_nonce desc limit 1",
            lane.0.as_slice(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| Ok((unsigned(row.to_nonce)?, hash(&row.accumulator)?, hash(&row.transaction)?)))
            .transpose()
    }

    /// The set that a chain's gateway holds, by its newest rotation, and the block of that: height and hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest_rotation(&self, id: ChainId) -> Result<Option<(EpochRecord, u64, B256)>, StoreError> {
        let row = query!(
            "select epoch, set_hash, hub_time, block_number, block_hash from validator_set
             where chain_id = $1 order by epoch desc limit 1",
            chain(id)?,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            let record = EpochRecord {
                epoch: unsigned(row.epoch)?,
                set_hash: hash(&row.set_hash)?,
                hub_time: unsigned(row.hub_time)?,
            };
            Ok((record, unsigned(row.block_number)?, hash(&row.block_hash)?))
        })
        .transpose()
    }

    /// The far end's gateway of a lane.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remote_gateway(&self, lane: LaneId) -> Result<Option<B256>, StoreError> {
        let row = query!("select remote_gateway from lane_opened where outbound = $1", lane.0.as_slice())
            .fetch_optional(&self.pool)
            .await?;
        row.map(|row| hash(&row.remote_gateway)).transpose()
    }

    /// The newest epoch of a chain's gateway whose set has a member, and its place there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn membership(&self, id: ChainId, member: Address) -> Result<Option<(u64, u64)>, StoreError> {
        let rows = query!(
            "select epoch, members from validator_set where chain_id = $1 order by epoch desc limit 1000",
            chain(id)?,
        )
        .fetch_all(&self.pool)
        .await?;
        for row in rows {
            let place = row.members.chunks_exact(20).position(|one| one == member.as_slice());
            if let Some(place) = place {
                return Ok(Some((unsigned(row.epoch)?, place as u64)));
            }
        }
        Ok(None)
    }
}

pub(crate) fn address(bytes: &[u8]) -> Result<Address, StoreError> {
    Address::try_from(bytes).map_err(|_| StoreError::Corrupt("a signer is no address".to_owned()))
}
