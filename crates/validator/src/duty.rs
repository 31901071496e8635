//! Whether the other validators do their duty: what this one has signed, they must have signed a while later as well.
//!
//! They are asked by their own URLs, and where that fails by the cores: only what can be had nowhere counts as missing.
//! Who misses more than half of it for long enough is silent, and its jailing is signed; a quorum of such signatures puts
//! it out. Where this validator itself signs nothing (its endpoints disagree, or nothing is sent), it has nothing to ask
//! for but the others' word on what is final, and whoever gives that one, of any block, is not silent.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use alloy_primitives::Address;
use futures::{StreamExt, stream};
use icc_attest::AttestationBatch;
use icc_protocol::{ChainId, Checkpoint, LaneId};
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{Attestor, JournalError, Peer, Peers, fetch::fetch};

/// Lanes asked about in one look.
const MAX_LANES: usize = 8;
/// Looks that wait for the others' patience to be over.
const MAX_WAITING: usize = 64;
/// Outcomes kept of one validator.
const MAX_OUTCOMES: usize = 256;
/// Fewer say nothing.
const LEAST_OUTCOMES: usize = 4;
/// Validators asked at once.
const AT_ONCE: usize = 8;
/// For an answer.
const PATIENCE: Duration = Duration::from_secs(4);
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// What duty is.
#[derive(Debug, Clone)]
pub struct DutyConfig {
    /// How long after this validator the others may sign.
    pub confirmation: Duration,
    /// For how long somebody must have been missing to be silent.
    pub silence: Duration,
    /// Cores that are asked for what a validator does not serve.
    pub cores: Vec<Url>,
    /// Chains whose final blocks are asked for when nothing is signed.
    pub chains: Vec<ChainId>,
}

/// What one validator did of what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Participation {
    /// Looks within the time that counts.
    pub asked: usize,
    /// Those in which it had signed.
    pub answered: usize,
    /// It misses too much of it, for too long.
    pub silent: bool,
}

/// What all did; shared with whoever serves it.
#[derive(Debug, Clone, Default)]
pub struct Roll(Arc<RwLock<BTreeMap<Address, Participation>>>);

impl Roll {
    /// Everybody.
    pub fn all(&self) -> BTreeMap<Address, Participation> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those whose jailing is to be signed: fewer than a third of the set, as its quorum must be there without them.
    pub(crate) fn silent(&self) -> Vec<Address> {
        let all = self.all();
        let most = all.len() / 3;
        all.into_iter().filter(|(_, one)| one.silent).map(|(key, _)| key).take(most).collect()
    }
}

/// Outcomes of one validator, the oldest first.
#[derive(Default)]
struct Record(VecDeque<(Instant, bool)>);

impl Record {
    fn note(&mut self, at: Instant, answered: bool, window: Duration) {
        self.0.push_back((at, answered));
        // One more than the window is kept: it shows that the window was watched from its beginning.
        while self.0.len() > MAX_OUTCOMES || self.0.get(1).is_some_and(|(second, _)| at - *second > window) {
            self.0.pop_front();
        }
    }

    fn participation(&self, now: Instant, window: Duration) -> Participation {
        let asked = self.0.len();
        let answered = self.0.iter().filter(|(_, answered)| *answered).count();
        let long = self.0.front().is_some_and(|(first, _)| now - *first >= window);
        let silent = long && asked >= LEAST_OUTCOMES && answered * 2 < asked;
        Participation { asked, answered, silent }
    }
}

/// Looks after the others.
pub struct Duty {
    client: reqwest::Client,
    attestor: Attestor,
    peers: Peers,
    config: DutyConfig,
    roll: Roll,
    records: BTreeMap<Address, Record>,
    /// What was signed here, and when; the oldest first.
    waiting: VecDeque<(Instant, Vec<Checkpoint>)>,
    /// The newest nonce noted of each lane.
    noted: BTreeMap<LaneId, u64>,
}

impl Duty {
    /// Asks with `client`, whose timeout counts; tells `roll`.
    pub fn new(
        client: reqwest::Client,
        attestor: Attestor,
        peers: Peers,
        roll: Roll,
        config: DutyConfig,
    ) -> Self {
        let (records, waiting, noted) = Default::default();
        Self { client, attestor, peers, config, roll, records, waiting, noted }
    }

    /// Looks until `shutdown`.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), JournalError> {
        // Often enough for many outcomes within the window.
        let pause = (self.config.silence / 20).clamp(Duration::from_millis(500), Duration::from_secs(30));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = sleep(pause) => {}
            }
            self.note_own()?;
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = self.look() => {}
            }
        }
    }

    /// What was signed here since the last look: the newest checkpoint of each lane.
    fn note_own(&mut self) -> Result<(), JournalError> {
        let mut new = Vec::new();
        for chain in &self.config.chains {
            let Some(state) = self.attestor.progress(*chain)? else { continue };
            for lane in state.lanes.values() {
                let noted = self.noted.entry(lane.lane).or_insert(lane.nonce);
                if lane.nonce > *noted && new.len() < MAX_LANES {
                    *noted = lane.nonce;
                    new.push(Checkpoint {
                        lane: lane.lane,
                        nonce: lane.nonce,
                        accumulator: lane.accumulator,
                    });
                }
            }
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((Instant::now(), new));
        Ok(())
    }

    /// Asks everybody for what they have had time enough to sign.
    async fn look(&mut self) {
        let mut due = Vec::new();
        let mut any = false;
        while let Some((at, _)) = self.waiting.front()
            && at.elapsed() >= self.config.confirmation
        {
            any = true;
            due.extend(self.waiting.pop_front().map(|(_, signed)| signed).unwrap_or_default());
        }
        if !any {
            return;
        }
        due.truncate(MAX_LANES);
        let members = self.peers.members();
        let (this, checkpoints) = (&*self, due.as_slice());
        let asked = stream::iter(members.clone())
            .map(|peer| async move { (peer.address, this.did(&peer, checkpoints).await) });
        let outcomes: Vec<(Address, bool)> = asked.buffer_unordered(AT_ONCE).collect().await;
        let now = Instant::now();
        self.records.retain(|key, _| members.iter().any(|peer| peer.address == *key));
        for (key, answered) in outcomes {
            self.records.entry(key).or_default().note(now, answered, self.config.silence);
        }
        let window = self.config.silence;
        let roll: BTreeMap<Address, Participation> =
            self.records.iter().map(|(key, record)| (*key, record.participation(now, window))).collect();
        self.tell(&roll);
        *self.roll.0.write().unwrap_or_else(PoisonError::into_inner) = roll;
    }

    fn tell(&self, roll: &BTreeMap<Address, Participation>) {
        let before = self.roll.all();
        for (key, one) in roll {
            let part = one.answered as f64 / one.asked.max(1) as f64;
            metrics::gauge!("icc_peer_participation", "validator" => key.to_string()).set(part);
            if one.silent && !before.get(key).is_some_and(|before| before.silent) {
                tracing::error!(validator = %key, asked = one.asked, answered = one.answered, "A VALIDATOR IS SILENT");
            }
        }
    }

    /// Whether a validator has signed all of these; when there are none, whether it says anything.
    async fn did(&self, peer: &Peer, due: &[Checkpoint]) -> bool {
        if due.is_empty() {
            for chain in &self.config.chains {
                if matches!(timeout(PATIENCE, self.peers.word(peer, *chain)).await, Ok(Ok(_))) {
                    return true;
                }
            }
            return false;
        }
        for checkpoint in due {
            if !self.has_signed(peer, checkpoint).await {
                return false;
            }
        }
        true
    }

    async fn has_signed(&self, peer: &Peer, checkpoint: &Checkpoint) -> bool {
        let Checkpoint { lane, nonce, .. } = *checkpoint;
        let own = format!("v1/attestations/{lane}?from={nonce}");
        let at_core = format!("v1/attestations?signer={}&lane={lane}&nonce={nonce}&limit=1", peer.address);
        let asked =
            [(&peer.url, &own)].into_iter().chain(self.config.cores.iter().map(|core| (core, &at_core)));
        for (service, path) in asked {
            let asking = fetch::<AttestationBatch>(&self.client, service, path, MAX_ANSWER_BYTES);
            let Ok(Ok(batch)) = timeout(PATIENCE, asking).await else { continue };
            let signed = batch.attestations.iter().any(|one| {
                one.checkpoint() == *checkpoint
                    && one.signature.recover(&self.attestor.domain().checkpoint_digest(checkpoint))
                        == Ok(peer.address)
            });
            if signed {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(100);

    fn record(outcomes: &[(u64, bool)]) -> (Record, Instant) {
        let (mut record, began) = (Record::default(), Instant::now());
        for (second, answered) in outcomes {
            record.note(began + Duration::from_secs(*second), *answered, WINDOW);
        }
        let last = outcomes.last().map_or(0, |last| last.0);
        (record, began + Duration::from_secs(last))
    }

    #[test]
    fn silence_takes_the_whole_window_and_more_than_half_of_it() {
        let silent = |outcomes: &[(u64, bool)]| {
            let (record, now) = record(outcomes);
            record.participation(now, WINDOW).silent
        };
        assert!(silent(&[(0, false), (30, false), (60, false), (101, false)]));
        assert!(!silent(&[(0, false), (30, false), (60, false), (90, false)]), "not yet");
        assert!(!silent(&[(0, false), (30, true), (60, true), (101, false)]), "half of it");
        assert!(silent(&[(0, false), (30, false), (60, true), (101, false)]));
        assert!(!silent(&[(0, false), (101, false)]), "too few to tell");
        assert!(!silent(&[]));
    }

    #[test]
    fn what_is_long_ago_counts_no_more() {
        let mut outcomes: Vec<(u64, bool)> = (0..20).map(|i| (i * 10, false)).collect();
        outcomes.extend((20..40).map(|i| (i * 10, true)));
        let (record, now) = record(&outcomes);
        let participation = record.participation(now, WINDOW);
        assert_eq!(participation.answered, participation.asked);
        assert!(participation.asked <= 12, "{participation:?}");
    }

    #[test]
    fn fewer_than_a_third_are_put_out() {
        let roll = Roll::default();
        let silent = Participation { asked: 9, answered: 0, silent: true };
        let all = (1..=9).map(|i| (Address::repeat_byte(i), silent)).collect();
        *roll.0.write().unwrap() = all;
        // Of ten members, this one among them.
        assert_eq!(roll.silent().len(), 3);
    }
}
