//! What stands on the chains alone: deliveries that no outbox bears out, and sets that the registry never made. Their
//! signatures are read from the transactions that brought them.

use std::{collections::HashMap, time::Duration};

use alloy_primitives::B256;
use icc_attest::SignedSet;
use icc_chain::BlockRef;
use icc_protocol::{ChainId, CompactSignature, Domain, EpochRecord, LaneId};
use icc_store::{StoreError, StoredAttestation};
use tokio::time::Instant;

use super::Watchtower;

/// For how long a delivery must have been beyond its outbox to be taken for a lie: this core may not have seen all of the
/// source.
const DELIVERY_PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks into the same transaction.
pub(super) const REREAD: Duration = Duration::from_secs(30);

/// A delivery that this core's view of the source does not bear out.
pub(super) struct Strange {
    since: Instant,
    /// When its signatures were last read.
    read: Option<Instant>,
}

impl Watchtower {
    /// A quorum that lies needs no core: it delivers by itself, and its signatures stand in that transaction alone. So what
    /// has been delivered last is held against the outbox as well.
    pub(super) async fn judge_delivery(
        &self,
        lane: LaneId,
        newest: u64,
        strange: &mut HashMap<LaneId, Strange>,
    ) -> Result<(), StoreError> {
        let Some((nonce, accumulator, transaction)) = self.store.newest_delivery(lane).await? else {
            return Ok(());
        };
        let own = self.store.final_accumulator(lane, nonce).await?;
        if own == Some(accumulator) || (own.is_none() && nonce <= newest) {
            strange.remove(&lane);
            return Ok(());
        }
        let now = Instant::now();
        let known = strange.entry(lane).or_insert(Strange { since: now, read: None });
        let early = own.is_none() && now - known.since < DELIVERY_PATIENCE;
        if early || known.read.is_some_and(|read| now - read < REREAD) {
            return Ok(());
        }
        known.read = Some(now);
        tracing::error!(%lane, nonce, %transaction, delivered = %accumulator, own = ?own,
            "A DELIVERY that no outbox bears out: its signatures are read");
        metrics::counter!("icc_false_deliveries_total").increment(1);
        self.read_delivery(lane, transaction).await
    }

    /// The same of sets: what a gateway holds is what the registry has made of that epoch.
    pub(super) async fn judge_sets(&self) -> Result<(), StoreError> {
        let Some(hub) = &self.hub else { return Ok(()) };
        for (chain, witness) in self.witnesses.iter() {
            let Some((held, number, hash)) = self.store.newest_rotation(*chain).await? else { continue };
            // Epochs from before the registry, or not made yet, are not known to it.
            let Ok(made) = hub.epoch(held.epoch).await else { continue };
            if made.record == held {
                continue;
            }
            tracing::error!(%chain, epoch = held.epoch, "A GATEWAY HOLDS A SET that the registry never made");
            metrics::counter!("icc_false_rotations_total").increment(1);
            match witness.rotated_in(BlockRef { number, hash }).await {
                Ok(read) => self.judge_rotations(*chain, &made.record, read).await?,
                Err(error) => {
                    tracing::error!(%chain, %error, "the signatures of a false set cannot be read");
                }
            }
        }
        Ok(())
    }

    async fn judge_rotations(
        &self,
        chain: ChainId,
        made: &EpochRecord,
        read: Vec<(EpochRecord, Vec<CompactSignature>)>,
    ) -> Result<(), StoreError> {
        let domain = Domain::new(self.network);
        for (record, signatures) in read.into_iter().filter(|(record, _)| record.epoch == made.epoch) {
            let EpochRecord { epoch, set_hash, hub_time } = record;
            for signature in signatures {
                let Ok(signer) = record.signer(&domain, &signature) else { continue };
                if self.store.membership(chain, signer).await?.is_some() {
                    let signed = SignedSet { epoch, set_hash, hub_time, signature };
                    self.false_set(signer, signed, made).await?;
                }
            }
        }
        Ok(())
    }

    async fn read_delivery(&self, lane: LaneId, transaction: B256) -> Result<(), StoreError> {
        let Some(row) = self.store.lane(lane).await? else { return Ok(()) };
        let Some(witness) = self.witnesses.get(&row.destination_chain) else { return Ok(()) };
        let read = match witness.delivered_by(self.network, transaction).await {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(%transaction, %error, "the signatures of a false delivery cannot be read");
                return Ok(());
            }
        };
        let domain = Domain::new(self.network);
        for (checkpoint, signatures) in read.into_iter().filter(|(checkpoint, _)| checkpoint.lane == lane) {
            for signature in signatures {
                let Ok(signer) = signature.recover(&domain.checkpoint_digest(&checkpoint)) else { continue };
                // Calls that failed within the transaction may have brought anything.
                if self.store.membership(row.destination_chain, signer).await?.is_some() {
                    self.contradicted(&StoredAttestation { checkpoint, signer, signature }).await?;
                }
            }
        }
        Ok(())
    }
}
