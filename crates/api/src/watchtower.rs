//! Holds what validators sign against this core's own final view, keeps both sides of a lie as evidence, and tells how it
//! is submitted.
//!
//! An attestation is a lie if its signer has signed another one of the same nonce, or if the outbox says otherwise in a
//! final block. What lies beyond the outbox is taken for a lie when it has not come true for a while; the gateway, which
//! knows its outbox best, is asked in any case before anything is submitted.

mod onchain;

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy_primitives::{Address, B256};
use icc_attest::{Attestation, Evidence, Outbox, SNAPSHOT_INTERVAL, SignedSet};
use icc_chain::{Call, FalseCheckpoint, Hub, RemoteEnd, Witness};
use icc_protocol::{ChainId, Checkpoint, EpochRecord, Lane, LaneId, NetworkId};
use icc_store::{EvidenceRow, LaneRow, Store, StoreError, StoredAttestation};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::onchain::{REREAD, Strange};

/// Between two looks at what is stored.
const INTERVAL: Duration = Duration::from_secs(3);
/// How long ago something must have become final for what was signed of it not to be looked at any more: longer than it
/// takes to store what arrived before. What arrives later is compared as it arrives.
const LOOK_BACK: Duration = Duration::from_secs(10);
/// What is signed beyond an outbox is a lie if it has not come true after this.
const PATIENCE: Duration = Duration::from_secs(10);
/// Signers looked at in one round of a lane.
const ROUND: u32 = 256;
/// Between two looks at lies of one key on one lane.
const PER_LIAR: Duration = Duration::from_secs(5);
/// Submitted at once to one chain.
const AT_ONCE: u32 = 4;

/// Keeps evidence.
#[derive(Clone)]
pub struct Watchtower {
    store: Store,
    network: NetworkId,
    /// Where sets and equivocations are proved; `None`: there is no registry.
    hub: Option<Arc<dyn Hub>>,
    /// Where each evidence is written as a file, too.
    folder: Option<PathBuf>,
    /// How long after the first signature on a checkpoint the others are late.
    confirmation: Duration,
    /// Who reads the signatures of deliveries that no outbox bears out, by chain.
    witnesses: Arc<HashMap<ChainId, Arc<dyn Witness>>>,
    /// Whose lies on which lane were looked at when: a flood of them is not looked at one by one.
    looked_at: Arc<Mutex<HashMap<(Address, LaneId), Instant>>>,
}

/// What became of an evidence when its time came.
#[derive(Debug)]
pub enum Submittable {
    /// It is to be submitted by this call.
    Call(Box<Call>),
    /// It need not be, for good.
    Settled(String),
    /// It cannot be at present.
    Later(String),
}

impl Watchtower {
    /// A watchtower of one network.
    pub fn new(store: Store, network: NetworkId, hub: Option<Arc<dyn Hub>>) -> Self {
        let confirmation = Duration::from_secs(60);
        let (witnesses, looked_at) = Default::default();
        Self { store, network, hub, folder: None, confirmation, witnesses, looked_at }
    }

    fn hub_chain(&self) -> Option<ChainId> {
        self.hub.as_ref().map(|hub| hub.chain())
    }

    /// Writes each evidence as a file into a folder, too.
    #[must_use]
    pub fn into_folder(self, folder: Option<PathBuf>) -> Self {
        Self { folder, ..self }
    }

    /// Reads what was signed out of transactions, too.
    #[must_use]
    pub fn with_witnesses(self, witnesses: Vec<Arc<dyn Witness>>) -> Self {
        let witnesses = witnesses.into_iter().map(|witness| (witness.chain(), witness)).collect();
        Self { witnesses: Arc::new(witnesses), ..self }
    }

    /// Takes validators for late that sign so long after the first of them.
    #[must_use]
    pub fn confirmed_within(self, confirmation: Duration) -> Self {
        Self { confirmation, ..self }
    }

    /// Looks at stored attestations whose messages have become final since, until `shutdown`.
    ///
    /// # Errors
    /// [`StoreError`]; start it again after a pause.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), StoreError> {
        // By lane: looked at up to here a while ago, and where it stood at the time given.
        let mut looked: HashMap<LaneId, (u64, u64, Instant)> = HashMap::new();
        let mut strange: HashMap<LaneId, Strange> = HashMap::new();
        let mut sets_due = Instant::now();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = sleep(INTERVAL) => {}
            }
            if Instant::now() >= sets_due {
                sets_due = Instant::now() + REREAD;
                self.judge_sets().await?;
            }
            for (lane, end, block) in self.store.final_ends().await? {
                let start = end.saturating_sub(SNAPSHOT_INTERVAL);
                let (above, next, since) = looked.entry(lane).or_insert((start, end, Instant::now()));
                for lie in self.store.contradicted(lane, *above, block, ROUND).await? {
                    self.contradicted(&lie).await?;
                }
                // What is sent and not final yet will be looked at then.
                let newest = self.store.newest_message(lane).await?.0.max(end);
                for lie in self.store.attested_beyond(lane, newest, PATIENCE, ROUND).await? {
                    self.contradicted(&lie).await?;
                }
                self.judge_late(lane).await?;
                self.judge_delivery(lane, newest, &mut strange).await?;
                if since.elapsed() >= LOOK_BACK {
                    (*above, *next, *since) = (*next, end, Instant::now());
                }
            }
        }
    }

    /// Notes who of the destination's set has signed too late.
    async fn judge_late(&self, lane: LaneId) -> Result<(), StoreError> {
        let Some(row) = self.store.lane(lane).await? else { return Ok(()) };
        let Some((_, set)) = self.store.current_set(row.destination_chain).await? else { return Ok(()) };
        for (nonce, validator) in self.store.judge_late(lane, set.members(), self.confirmation).await? {
            metrics::counter!("icc_late_attestations_total", "validator" => validator.to_string())
                .increment(1);
            tracing::warn!(%lane, nonce, %validator, "late: not signed in time");
        }
        Ok(())
    }

    /// An attestation that the own final view contradicts. If its signer has signed something else as well, that is the
    /// better evidence: it rests on no chain. False if another of the same key and lane was looked at a moment ago.
    pub(crate) async fn contradicted(&self, attestation: &StoredAttestation) -> Result<bool, StoreError> {
        if self.is_flooded(attestation) {
            return Ok(false);
        }
        if let Some(other) = self.store.other_word(attestation).await? {
            self.keep_equivocation(attestation, &other).await?;
            return Ok(true);
        }
        let Some((row, lane)) = self.lane(attestation.checkpoint.lane).await? else { return Ok(true) };
        let (nonce, block) = self.final_end(row.lane).await?;
        let outbox = self.outbox(attestation.checkpoint, nonce, block).await?;
        let signed = on_the_wire(attestation);
        self.keep(attestation.signer, row.source_chain, &Evidence::FalseCheckpoint { lane, signed, outbox })
            .await?;
        Ok(true)
    }

    /// Whether a lie of the same key on the same lane was looked at a moment ago. At most one entry for each member of a
    /// set and lane.
    fn is_flooded(&self, attestation: &StoredAttestation) -> bool {
        let mut looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let last = looked_at.insert((attestation.signer, attestation.checkpoint.lane), now);
        let flooded = last.is_some_and(|last| now - last < PER_LIAR);
        if let (true, Some(last)) = (flooded, last) {
            looked_at.insert((attestation.signer, attestation.checkpoint.lane), last);
        }
        flooded
    }

    /// An attestation whose signer has signed another accumulator of the same nonce.
    pub(crate) async fn equivocated(&self, attestation: &StoredAttestation) -> Result<(), StoreError> {
        if self.is_flooded(attestation) {
            return Ok(());
        }
        match self.store.other_word(attestation).await? {
            Some(other) => self.keep_equivocation(attestation, &other).await,
            None => Ok(()),
        }
    }

    /// A set that is not the one that the registry has made for its epoch.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn false_set(
        &self,
        signer: Address,
        signed: SignedSet,
        registered: &EpochRecord,
    ) -> Result<(), StoreError> {
        let Some(hub) = self.hub_chain() else { return Ok(()) };
        let evidence = Evidence::FalseSet {
            network: self.network,
            signed,
            hub,
            set_hash: registered.set_hash,
            hub_time: registered.hub_time,
        };
        self.keep(signer, hub, &evidence).await
    }

    /// What is to be submitted to a chain now, each with how. `reporter` gets the reporter's share.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due(
        &self,
        chain: ChainId,
        reporter: Address,
    ) -> Result<Vec<(EvidenceRow, Submittable)>, StoreError> {
        let mut due = Vec::new();
        for row in self.store.due_evidence(chain, AT_ONCE).await? {
            let how = match serde_json::from_str::<Evidence>(&row.body) {
                Ok(evidence) => self.submittable(&row, evidence, reporter).await?,
                Err(error) => Submittable::Settled(format!("cannot be read: {error}")),
            };
            due.push((row, how));
        }
        Ok(due)
    }

    async fn submittable(
        &self,
        row: &EvidenceRow,
        evidence: Evidence,
        reporter: Address,
    ) -> Result<Submittable, StoreError> {
        let call = match evidence {
            Evidence::Equivocation { one, other, .. } => Call::ProveEquivocation {
                one: (one.checkpoint(), one.signature),
                other: (other.checkpoint(), other.signature),
                reporter,
            },
            Evidence::FalseSet { signed, .. } => {
                Call::ProveFalseSet { record: signed.record(), signature: signed.signature, reporter }
            }
            Evidence::FalseCheckpoint { lane, signed, .. } => {
                let checkpoint = signed.checkpoint();
                // As the outbox stands now, not as it stood when the lie was found.
                let newest = self.store.newest_message(checkpoint.lane).await?.0;
                let outbox = self.outbox(checkpoint, newest, 0).await?;
                if outbox.accumulator == Some(checkpoint.accumulator) {
                    return Ok(Submittable::Later("the outbox bears it out at present".to_owned()));
                }
                let Some(membership) = self.store.membership(lane.source_chain, row.signer).await? else {
                    let chain = lane.source_chain;
                    // A newcomer's first set may not have been carried there yet.
                    return Ok(Submittable::Later(format!(
                        "the gateway of chain {chain} has never had the signer in a set"
                    )));
                };
                Call::ReportFalseCheckpoint(Box::new(FalseCheckpoint {
                    checkpoint,
                    signature: signed.signature,
                    signer: row.signer,
                    reporter,
                    destination: RemoteEnd {
                        chain: lane.destination_chain,
                        gateway: lane.destination_gateway,
                        generation: lane.generation,
                    },
                    membership,
                    accumulator: outbox.accumulator.unwrap_or_default(),
                    leaves: outbox.leaves,
                }))
            }
        };
        Ok(Submittable::Call(Box::new(call)))
    }

    async fn keep_equivocation(
        &self,
        one: &StoredAttestation,
        other: &StoredAttestation,
    ) -> Result<(), StoreError> {
        let Some(hub) = self.hub_chain() else { return Ok(()) };
        let (network, one_word, other_word) = (self.network, on_the_wire(one), on_the_wire(other));
        let evidence = Evidence::Equivocation { network, one: one_word, other: other_word };
        self.keep(one.signer, hub, &evidence).await
    }

    /// Keeps what verifies by itself; anything else is this core's own fault.
    async fn keep(&self, signer: Address, chain: ChainId, evidence: &Evidence) -> Result<(), StoreError> {
        match evidence.verify() {
            Ok(proved) if proved.signer == signer => {}
            other => {
                tracing::error!(%signer, ?other, "evidence does not verify and is not kept");
                return Ok(());
            }
        }
        let body = serde_json::to_string(evidence).unwrap_or_default();
        let row = EvidenceRow {
            signer,
            kind: evidence.kind().to_owned(),
            subject: evidence.subject(),
            chain,
            body,
            attempts: 0,
            outcome: None,
        };
        if !self.store.add_evidence(&row).await? {
            return Ok(());
        }
        metrics::counter!("icc_evidence_total", "kind" => evidence.kind()).increment(1);
        tracing::error!(%signer, kind = row.kind, %chain, "A VALIDATOR LIED: evidence is kept and will be submitted");
        if let Some(folder) = &self.folder {
            let path = folder.join(format!("{}-{signer}-{}.json", row.kind, row.subject));
            if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(&path, &row.body)) {
                tracing::error!(path = %path.display(), %error, "evidence cannot be written as a file");
            }
        }
        Ok(())
    }

    /// What an outbox with so many messages says to a checkpoint.
    async fn outbox(&self, checkpoint: Checkpoint, newest: u64, block: u64) -> Result<Outbox, StoreError> {
        let Checkpoint { lane, nonce, .. } = checkpoint;
        if nonce > newest {
            let (accumulator, leaves, end) = (None, Vec::new(), B256::ZERO);
            return Ok(Outbox { nonce: newest, block, accumulator, leaves, end });
        }
        let snapshot = nonce.div_ceil(SNAPSHOT_INTERVAL).saturating_mul(SNAPSHOT_INTERVAL);
        let to = snapshot.min(newest);
        let mut folded = self.store.leaves(lane, nonce.saturating_sub(1), to).await?.into_iter();
        let Some((_, accumulator)) = folded.next() else {
            let (accumulator, leaves, end) = (None, Vec::new(), B256::ZERO);
            return Ok(Outbox { nonce: newest, block, accumulator, leaves, end });
        };
        let (leaves, after): (Vec<B256>, Vec<B256>) = folded.unzip();
        let end = after.last().copied().unwrap_or(accumulator);
        Ok(Outbox { nonce: newest, block, accumulator: Some(accumulator), leaves, end })
    }

    async fn final_end(&self, lane: LaneId) -> Result<(u64, u64), StoreError> {
        let ends = self.store.final_ends().await?;
        Ok(ends.into_iter().find(|end| end.0 == lane).map_or((0, 0), |end| (end.1, end.2)))
    }

    async fn lane(&self, id: LaneId) -> Result<Option<(LaneRow, Lane)>, StoreError> {
        let Some(row) = self.store.lane(id).await? else { return Ok(None) };
        let Some(destination_gateway) = self.store.remote_gateway(id).await? else { return Ok(None) };
        let lane = Lane {
            network: self.network,
            source_chain: row.source_chain,
            source_gateway: row.source_gateway,
            destination_chain: row.destination_chain,
            destination_gateway,
            generation: row.generation,
        };
        Ok(Some((row, lane)))
    }
}

fn on_the_wire(stored: &StoredAttestation) -> Attestation {
    let Checkpoint { lane, nonce, accumulator } = stored.checkpoint;
    Attestation { lane, nonce, accumulator, signature: stored.signature }
}
