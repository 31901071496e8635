//! Whether the other validators do their duty: what this one has signed, they must have signed a while later as well.
//!
//! They are asked by their own URLs, and where that fails by the cores: only what can be had nowhere counts as missing.
//! Who misses more than half of it for long enough is silent, and its jailing is signed; a quorum of such signatures puts
//! it out. Where this validator itself signs nothing (its endpoints disagree, or nothing is sent), it asks for nothing:
//! whom it cannot reach then may be kept from answering by strangers, and has missed nothing.

mod record;

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use alloy_primitives::{Address, B256};
use futures::{StreamExt, stream};
use icc_attest::{AttestationBatch, Participation};
use icc_protocol::{ChainId, Checkpoint, Lane, LaneId, NetworkId};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::record::Record;
use crate::{
    Attestor, JournalError, LaneState, Peers,
    fetch::fetch,
    tower::{Own, Tower},
};

/// Lanes asked about in one look.
const MAX_LANES: usize = 8;
/// Looks that wait for the others' patience to be over.
const MAX_WAITING: usize = 64;
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
    /// The deployment.
    pub network: NetworkId,
    /// The chains and their gateways.
    pub gateways: BTreeMap<ChainId, B256>,
    /// Where contradictions are kept as evidence.
    pub evidence: PathBuf,
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

/// Looks after the others.
pub struct Duty {
    client: reqwest::Client,
    attestor: Attestor,
    peers: Peers,
    config: DutyConfig,
    roll: Roll,
    records: BTreeMap<Address, Record>,
    /// What was signed here, and when; the oldest first.
    waiting: VecDeque<(Instant, Vec<Own>)>,
    /// The newest nonce noted of each lane.
    noted: BTreeMap<LaneId, u64>,
    /// Which of the lanes that have moved is noted first: all come in turn.
    turn: usize,
    tower: Tower,
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
        let (records, waiting, noted, turn) = Default::default();
        let tower = Tower {
            client: client.clone(),
            cores: config.cores.clone(),
            folder: config.evidence.clone(),
            kept: Mutex::default(),
        };
        Self { client, attestor, peers, config, roll, records, waiting, noted, turn, tower }
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
        for (source_chain, source_gateway) in &self.config.gateways {
            let Some(state) = self.attestor.progress(*source_chain)? else { continue };
            for (destination_chain, lane) in &state.lanes {
                let Some(destination_gateway) = self.config.gateways.get(destination_chain) else { continue };
                let noted = self.noted.entry(lane.lane).or_insert(lane.nonce);
                if lane.nonce > *noted {
                    let LaneState { lane: id, nonce, accumulator, generation, block } = *lane;
                    let lane = Lane {
                        network: self.config.network,
                        source_chain: *source_chain,
                        source_gateway: *source_gateway,
                        destination_chain: *destination_chain,
                        destination_gateway: *destination_gateway,
                        generation,
                    };
                    let checkpoint = Checkpoint { lane: id, nonce, accumulator };
                    new.push(Own { lane, checkpoint, block });
                }
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let first = self.turn % new.len();
        new.rotate_left(first);
        new.truncate(MAX_LANES);
        self.turn = self.turn.wrapping_add(MAX_LANES);
        for own in &new {
            self.noted.insert(own.checkpoint.lane, own.checkpoint.nonce);
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
        while let Some((at, _)) = self.waiting.front()
            && at.elapsed() >= self.config.confirmation
        {
            due.extend(self.waiting.pop_front().map(|(_, signed)| signed).unwrap_or_default());
        }
        if due.is_empty() {
            return;
        }
        due.truncate(MAX_LANES);
        let members = self.peers.members();
        let (this, checkpoints) = (&*self, due.as_slice());
        let asked = stream::iter(members.clone())
            .map(|(key, url)| async move { (key, this.did((key, url.as_ref()), checkpoints).await) });
        let outcomes: Vec<(Address, bool)> = asked.buffer_unordered(AT_ONCE).collect().await;
        let now = Instant::now();
        self.records.retain(|key, _| members.iter().any(|(member, _)| member == key));
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

    /// Whether a validator has signed all of these.
    async fn did(&self, peer: (Address, Option<&Url>), due: &[Own]) -> bool {
        for own in due {
            if !self.has_signed(peer, own).await {
                return false;
            }
        }
        true
    }

    /// By its own word, where it has a URL that can be asked; by the cores', if not.
    async fn has_signed(&self, (key, url): (Address, Option<&Url>), own: &Own) -> bool {
        let Checkpoint { lane, nonce, .. } = own.checkpoint;
        let at_peer = format!("v1/attestations/{lane}?from={nonce}");
        let at_core = format!("v1/attestations?signer={key}&lane={lane}&nonce={nonce}&limit=2");
        let places = url.map(|url| (url, &at_peer)).into_iter();
        for (service, path) in places.chain(self.config.cores.iter().map(|core| (core, &at_core))) {
            let asking = fetch::<AttestationBatch>(&self.client, service, path, MAX_ANSWER_BYTES);
            let Ok(Ok(batch)) = timeout(PATIENCE, asking).await else { continue };
            let domain = self.attestor.domain();
            let of_nonce = batch.attestations.iter().filter(|one| {
                (one.lane, one.nonce) == (lane, nonce)
                    && one.signature.recover(&domain.checkpoint_digest(&one.checkpoint())) == Ok(key)
            });
            let mut signed = false;
            for one in of_nonce {
                if one.checkpoint() == own.checkpoint {
                    signed = true;
                } else {
                    self.tower.contradicted(own, key, *one).await;
                }
            }
            if signed {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use alloy_signer_local::PrivateKeySigner;
    use axum::{
        Json, Router,
        routing::{get, post},
    };
    use icc_attest::{Attestation, Evidence};
    use icc_protocol::Domain;
    use icc_service::Signer;
    use tokio::net::TcpListener;

    use super::*;
    use crate::{ChainState, Journal, Peer, SignableCheckpoints};

    const WINDOW: Duration = Duration::from_secs(100);

    #[test]
    fn fewer_than_a_third_are_put_out() {
        let roll = Roll::default();
        let silent = Participation { asked: 9, answered: 0, silent: true };
        let all = (1..=9).map(|i| (Address::repeat_byte(i), silent)).collect();
        *roll.0.write().unwrap() = all;
        // Of ten members, this one among them.
        assert_eq!(roll.silent().len(), 3);
    }

    const LANE: Lane = Lane {
        network: NetworkId(B256::repeat_byte(9)),
        source_chain: ChainId(1),
        source_gateway: B256::repeat_byte(1),
        destination_chain: ChainId(2),
        destination_gateway: B256::repeat_byte(2),
        generation: 1,
    };

    async fn serve(router: Router) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    /// A journal with a key, which has signed up to a nonce.
    async fn sign(attestor: &Attestor, nonce: u64, fill: u8) -> Vec<Attestation> {
        let accumulator = B256::repeat_byte(fill);
        let lane = LaneState { lane: LANE.id(), generation: 1, nonce, accumulator, block: nonce };
        let state = ChainState { block: nonce, lanes: BTreeMap::from([(LANE.destination_chain, lane)]) };
        let checkpoint = Checkpoint { lane: LANE.id(), nonce, accumulator };
        let signable = SignableCheckpoints::for_test(LANE.source_chain, state, vec![checkpoint]);
        attestor.attest(signable).await.unwrap()
    }

    fn attestor(folder: &Path, key: u8) -> Attestor {
        let journal = Journal::open(&folder.join(key.to_string()), "me").unwrap();
        let key = PrivateKeySigner::from_slice(&[key; 32]).unwrap();
        Attestor::new(journal, Signer::new(key), Domain::new(LANE.network))
    }

    /// The duty of one validator among these, and what it has seen.
    fn duty(
        own: &Attestor,
        folder: &Path,
        core: Url,
        members: Vec<Address>,
        urls: Vec<Peer>,
    ) -> (Duty, Roll) {
        icc_service::install_tls();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let peers = Peers::new(client.clone(), Domain::new(LANE.network), Vec::new());
        peers.registered(members, urls);
        let config = DutyConfig {
            confirmation: Duration::ZERO,
            silence: WINDOW,
            cores: vec![core],
            network: LANE.network,
            gateways: [(ChainId(1), LANE.source_gateway), (ChainId(2), LANE.destination_gateway)].into(),
            evidence: folder.join("evidence"),
        };
        let roll = Roll::default();
        (Duty::new(client, own.clone(), peers, roll.clone(), config), roll)
    }

    /// Attack: a validator serves another accumulator than what is proved. It is kept with both sides, and told to the
    /// core once, however often it is seen; it does not count as taking part.
    #[tokio::test]
    async fn who_contradicts_is_kept_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let (own, liar) = (attestor(folder.path(), 1), attestor(folder.path(), 2));
        let lie = AttestationBatch { attestations: sign(&liar, 3, 8).await };
        let peer = serve(Router::new().route("/v1/attestations/{lane}", get(async move || Json(lie)))).await;
        let told: Arc<Mutex<Vec<Attestation>>> = Arc::default();
        let heard = told.clone();
        let hear = post(async move |Json(batch): Json<AttestationBatch>| {
            heard.lock().unwrap().extend(batch.attestations);
        });
        let core = serve(Router::new().route("/v1/attestations", hear)).await;
        let urls = vec![Peer { url: peer, address: liar.address() }];
        let (mut duty, roll) = duty(&own, folder.path(), core, vec![liar.address()], urls);
        for nonce in 1..=3 {
            sign(&own, nonce, 7).await;
            duty.note_own().unwrap();
            duty.look().await;
        }
        duty.noted.clear();
        duty.noted.insert(LANE.id(), 2);
        duty.note_own().unwrap();
        duty.look().await;

        let seen = roll.all()[&liar.address()];
        assert_eq!((seen.asked, seen.answered), (3, 0), "{seen:?}");
        assert_eq!(told.lock().unwrap().len(), 1);
        let files: Vec<_> = std::fs::read_dir(folder.path().join("evidence")).unwrap().collect();
        assert_eq!(files.len(), 1);
        let text = std::fs::read(files[0].as_ref().unwrap().path()).unwrap();
        let evidence: Evidence = serde_json::from_slice(&text).unwrap();
        assert_eq!(evidence.verify().unwrap().signer, liar.address());
    }

    /// Attack: a member registers no URL that can be asked, so as never to be found silent. It is judged by what the cores
    /// have of it.
    #[tokio::test]
    async fn who_cannot_be_asked_is_judged_by_the_cores() {
        let folder = tempfile::tempdir().unwrap();
        let (own, there, gone) =
            (attestor(folder.path(), 1), attestor(folder.path(), 2), attestor(folder.path(), 3));
        let signed = AttestationBatch { attestations: sign(&there, 3, 7).await };
        let tell = get(async move || Json(signed));
        let core = serve(Router::new().route("/v1/attestations", tell)).await;
        let members = vec![there.address(), gone.address()];
        let (mut duty, roll) = duty(&own, folder.path(), core, members, Vec::new());
        for nonce in [1, 3] {
            sign(&own, nonce, 7).await;
            duty.note_own().unwrap();
            duty.look().await;
        }
        let seen = roll.all();
        assert_eq!((seen[&there.address()].asked, seen[&there.address()].answered), (1, 1), "{seen:?}");
        assert_eq!((seen[&gone.address()].asked, seen[&gone.address()].answered), (1, 0), "{seen:?}");
    }
}
