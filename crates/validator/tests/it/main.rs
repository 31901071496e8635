//! A watcher among endpoints of which one lies: what is signed, and what never is.
#![allow(missing_docs, clippy::unwrap_used)]

mod honest;
mod late;
mod pinned;
mod poison;
mod recover;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_signer_local::PrivateKeySigner;
use async_trait::async_trait;
use icc_attest::FinalWord;
use icc_chain::{
    AgreedFinal, BlockRef, ChainError, Event, EventAt, HashedHeader, HeadHints, LaneOpened, LocatedEvent,
    ProvedOutbox, ProvedOutboxes, Prover, QuorumBlock, SentMessage, UnanimousFinal,
};
use icc_protocol::{ChainId, Domain, FinalBlock, Kind, Lane, LaneId, Message, NetworkId, fold};
use icc_service::Signer;
use icc_validator::{Attestor, Backlog, Journal, Peer, Peers, Publisher, WatchConfig, Watcher};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const HERE: ChainId = ChainId(1);
const THERE: ChainId = ChainId(2);
const NETWORK: NetworkId = NetworkId(B256::repeat_byte(9));
const GATEWAY: B256 = B256::repeat_byte(2);

/// A chain whose proofs are true and whose first endpoint tells what it likes.
struct Chain {
    finalized: Arc<AtomicU64>,
    /// Whether all endpoints say so, or a quorum alone.
    unanimous: bool,
    truth: Vec<LocatedEvent>,
    lies: Vec<LocatedEvent>,
    /// How often it was asked what is final.
    looks: Arc<AtomicUsize>,
    hints: watch::Sender<u64>,
}

fn lane() -> Lane {
    Lane {
        network: NETWORK,
        source_chain: HERE,
        source_gateway: GATEWAY,
        destination_chain: THERE,
        destination_gateway: B256::repeat_byte(3),
        generation: 1,
    }
}

fn at(block: u64, event: Event) -> LocatedEvent {
    let block = BlockRef { number: block, hash: hash(block) };
    LocatedEvent { at: EventAt { block, transaction: B256::ZERO, log_index: 0 }, event }
}

fn hash(block: u64) -> B256 {
    B256::left_padding_from(&block.to_be_bytes())
}

fn opened(block: u64) -> LocatedEvent {
    let opened = LaneOpened {
        remote_chain: THERE,
        remote_gateway: lane().destination_gateway,
        generation: 1,
        outbound: lane().id(),
        inbound: lane().reversed().id(),
    };
    at(block, Event::LaneOpened(opened))
}

fn sent(block: u64, nonce: u64, text: &'static str) -> LocatedEvent {
    let message = Message {
        kind: Kind::Call,
        nonce,
        deadline: 0,
        gas_limit: 1,
        sender: B256::ZERO,
        recipient: B256::ZERO,
        payload: Bytes::from(text),
    };
    let message = Bytes::from(message.encode());
    at(block, Event::Sent(SentMessage { destination: THERE, generation: 1, message }))
}

/// The outbox after these events, as its storage has it; `None` while the lane is closed.
fn outbox(events: &[LocatedEvent], to: u64) -> Option<ProvedOutbox> {
    let mut outbox = None;
    for event in events.iter().filter(|event| event.at.block.number <= to) {
        match &event.event {
            Event::LaneOpened(opened) if opened.remote_chain == THERE => {
                let (accumulator, remote_gateway) = (opened.outbound.0, opened.remote_gateway);
                outbox = Some(ProvedOutbox { accumulator, nonce: 0, generation: 1, remote_gateway });
            }
            Event::Sent(sent) => {
                let outbox = outbox.as_mut().unwrap();
                outbox.accumulator = fold(outbox.accumulator, keccak256(&sent.message));
                outbox.nonce += 1;
            }
            _ => {}
        }
    }
    outbox
}

/// Every accumulator of the lane, by its nonce.
fn accumulators(events: &[LocatedEvent]) -> Vec<(u64, B256)> {
    let outboxes = events.iter().enumerate().map(|(last, _)| outbox(&events[..=last], u64::MAX));
    outboxes.flatten().map(|outbox| (outbox.nonce, outbox.accumulator)).collect()
}

fn proved(block: BlockRef, events: &[LocatedEvent], to: &[ChainId]) -> ProvedOutboxes {
    let closed =
        ProvedOutbox { accumulator: B256::ZERO, nonce: 0, generation: 0, remote_gateway: B256::ZERO };
    let at = |chain: &ChainId| {
        let open = (*chain == THERE).then(|| outbox(events, block.number)).flatten();
        (*chain, open.unwrap_or(closed))
    };
    ProvedOutboxes { header: header(block), outboxes: to.iter().map(at).collect() }
}

/// Of the true chain.
fn header(block: BlockRef) -> HashedHeader {
    HashedHeader::recomputed(block, hash(block.number.saturating_sub(1)), block.number)
}

#[async_trait]
impl Prover for Chain {
    fn chain(&self) -> ChainId {
        HERE
    }
    fn gateway(&self) -> B256 {
        GATEWAY
    }
    fn head_hints(&self) -> HeadHints {
        self.hints.subscribe()
    }
    async fn agreed_finalized(&self) -> Result<AgreedFinal, ChainError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let number = self.finalized.load(Ordering::Relaxed);
        let block = BlockRef { number, hash: hash(number) };
        let by_all = self.unanimous.then(|| UnanimousFinal::by_every_endpoint(block));
        Ok(AgreedFinal { by_quorum: QuorumBlock::by_quorum(block), by_all })
    }
    async fn agreed_block(&self, number: u64) -> Result<QuorumBlock, ChainError> {
        Ok(QuorumBlock::by_quorum(BlockRef { number, hash: hash(number) }))
    }
    async fn agreed_head(&self) -> Result<QuorumBlock, ChainError> {
        self.agreed_block(self.finalized.load(Ordering::Relaxed)).await
    }
    async fn header(&self, wanted: B256) -> Result<HashedHeader, ChainError> {
        let number = u64::from_be_bytes(*wanted.last_chunk::<8>().unwrap());
        if hash(number) != wanted {
            return Err(ChainError::UnknownBlock(wanted.to_string()));
        }
        Ok(header(BlockRef { number, hash: wanted }))
    }
    async fn prove_outboxes(&self, block: BlockRef, to: &[ChainId]) -> Result<ProvedOutboxes, ChainError> {
        Ok(proved(block, &self.truth, to))
    }
    async fn prove_snapshots(&self, _: BlockRef, _: LaneId, _: &[u64]) -> Result<Vec<B256>, ChainError> {
        Err(ChainError::Misconfigured("no history here is so long".to_owned()))
    }
    async fn told_events(&self, from: u64, to: u64, attempt: usize) -> Result<Vec<LocatedEvent>, ChainError> {
        let told = if attempt.is_multiple_of(3) { &self.lies } else { &self.truth };
        // A liar's blocks are where he says.
        Ok(told.iter().filter(|e| (from..=to).contains(&e.at.block.number)).cloned().collect())
    }
    fn endpoints(&self) -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }
}

/// The lane is opened in this block: a validator that follows it from here signs every sign point.
const OPENED: u64 = 3;
/// Looks at the chain within which whatever would be signed wrongly or too much would be signed.
const LOOKS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(60);

/// What a validator signs that watches such a chain among endpoints of one mind.
async fn signed(
    truth: Vec<LocatedEvent>,
    lies: Vec<LocatedEvent>,
    destinations: Vec<ChainId>,
) -> Vec<(u64, B256)> {
    signed_among(truth, lies, destinations, None, expected().len()).await
}

/// The same; given peers, endpoints are not of one mind. Waits for `enough` signatures and then for what follows them.
async fn signed_among(
    truth: Vec<LocatedEvent>,
    lies: Vec<LocatedEvent>,
    destinations: Vec<ChainId>,
    among: Option<Vec<Peer>>,
    enough: usize,
) -> Vec<(u64, B256)> {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal"), "test").unwrap();
    let key = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
    let attestor = Attestor::new(journal, Signer::new(key), Domain::new(NETWORK));
    let hints = watch::channel(0).0;
    let looks = Arc::new(AtomicUsize::new(0));
    let finalized = Arc::new(AtomicU64::new(OPENED));
    let chain = Arc::new(Chain {
        finalized: finalized.clone(),
        unanimous: among.is_none(),
        truth,
        lies,
        looks: looks.clone(),
        hints,
    });
    let config = WatchConfig {
        network: NETWORK,
        destinations,
        start_block: 0,
        max_range: 7,
        idle: Duration::from_millis(20),
    };
    icc_service::install_tls();
    let peers = Peers::new(reqwest::Client::new(), Domain::new(NETWORK), among.unwrap_or_default());
    let watcher =
        Watcher::new(chain, (attestor.clone(), Publisher::default()), peers, Backlog::default(), config)
            .unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(watcher.run(stop.clone()));
    let lane: LaneId = lane().id();
    let watched = async {
        while attestor.progress(HERE).unwrap().is_none() && looks.load(Ordering::Relaxed) < LOOKS {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        finalized.store(50, Ordering::Relaxed);
        while attestor.recorded(lane, 0, 100).await.unwrap().len() < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let seen = looks.load(Ordering::Relaxed);
        while looks.load(Ordering::Relaxed) < seen + LOOKS {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // What was not signed in time is missing below.
    let in_time = tokio::time::timeout(PATIENCE, watched).await.is_ok();
    stop.cancel();
    running.await.unwrap().unwrap();
    let recorded = attestor.recorded(lane, 0, 100).await.unwrap();
    assert!(in_time || recorded.len() < enough, "the chain was not looked at often enough to tell");
    recorded.iter().map(|attestation| (attestation.nonce, attestation.accumulator)).collect()
}

fn history() -> Vec<LocatedEvent> {
    vec![opened(3), sent(5, 1, "a"), sent(5, 2, "b"), sent(9, 3, "c"), sent(40, 4, "d")]
}

/// The sign points of the history: the last message of each block.
fn expected() -> Vec<(u64, B256)> {
    accumulators(&history()).into_iter().filter(|(nonce, _)| [2, 3, 4].contains(nonce)).collect()
}

/// Every lie of the first endpoint leads nowhere, and the others' truth is signed all the same.
#[tokio::test]
async fn one_liar_neither_forges_nor_blocks() {
    let history = history();
    let without = |index: usize| {
        let mut events = history.clone();
        events.remove(index);
        events
    };
    let mut altered = history.clone();
    altered[2] = sent(5, 2, "B");
    let mut added = history.clone();
    added.push(sent(45, 5, "forged"));
    let mut swapped = history.clone();
    swapped.swap(1, 2);
    let smuggled = vec![
        opened(1),
        sent(1, 1, "forged"),
        sent(2, 2, "forged"),
        opened(3),
        sent(5, 1, "a"),
        sent(5, 2, "b"),
        sent(9, 3, "c"),
        sent(40, 4, "d"),
    ];
    let many = (0..5000u64).map(|n| {
        let remote = Lane { destination_chain: ChainId(100 + n), ..lane() };
        let opened = LaneOpened {
            remote_chain: remote.destination_chain,
            remote_gateway: remote.destination_gateway,
            generation: 1,
            outbound: remote.id(),
            inbound: remote.reversed().id(),
        };
        at(4, Event::LaneOpened(opened))
    });
    for lies in [
        Vec::new(),
        without(0),
        without(1),
        without(4),
        altered,
        added,
        swapped,
        smuggled,
        many.collect(),
        vec![sent(5, 1, "a")],
    ] {
        assert_eq!(signed(history.clone(), lies, vec![THERE]).await, expected());
    }
}

/// An endpoint that is behind and tells of no lane at all cannot make the validator skip it.
#[tokio::test]
async fn an_unknown_lane_is_proved_as_well() {
    assert_eq!(signed(history(), Vec::new(), vec![THERE, ChainId(3)]).await, expected());
}

/// A lane to a chain that this validator is not configured for does not stop the others.
#[tokio::test]
async fn a_lane_to_an_unknown_chain_is_passed_over() {
    let remote = Lane { destination_chain: ChainId(77), ..lane() };
    let opened = LaneOpened {
        remote_chain: remote.destination_chain,
        remote_gateway: remote.destination_gateway,
        generation: 1,
        outbound: remote.id(),
        inbound: remote.reversed().id(),
    };
    let mut history = history();
    history.insert(1, at(4, Event::LaneOpened(opened)));
    assert_eq!(signed(history.clone(), history, vec![THERE]).await, expected());
}

/// A validator that says that block `number`, with this hash, is final; signed by `key`.
async fn peer(key: u8, number: u64, hash: B256, named: u8) -> Peer {
    let signer = PrivateKeySigner::from_slice(&[key; 32]).unwrap();
    let unanimous = true;
    let block = FinalBlock { chain: HERE, number, hash, unanimous };
    let digest = Domain::new(NETWORK).final_block_digest(&block);
    let signature = Signer::new(signer).sign(&digest).unwrap();
    let word = FinalWord { chain: HERE, number, hash, unanimous, signature };
    let router =
        axum::Router::new().route("/v1/final/1/{height}", axum::routing::get(async move || axum::Json(word)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Peer { url, address: PrivateKeySigner::from_slice(&[named; 32]).unwrap().address() }
}

/// Whether with these peers these nonces are signed, and no other.
async fn signs_among(peers: Vec<Peer>, nonces: &[u64], why: &str) {
    let signed = signed_among(history(), history(), vec![THERE], Some(peers), nonces.len()).await;
    assert_eq!(signed.iter().map(|(nonce, _)| *nonce).collect::<Vec<u64>>(), nonces, "{why}");
}

/// Attack: most endpoints are poisoned and the honest one is cut off. What they agree on proves itself, and is signed
/// only as far as enough other validators, each by its own signature, call it final.
#[tokio::test]
async fn endpoints_not_of_one_mind_need_other_validators_word() {
    let forged = B256::repeat_byte(0xEE);
    signs_among(Vec::new(), &[], "without peers").await;
    let one =
        vec![peer(1, 50, hash(50), 1).await, peer(2, 50, forged, 2).await, peer(3, 50, forged, 3).await];
    signs_among(one, &[], "one of three is not more than a third").await;
    let impostor =
        vec![peer(1, 50, hash(50), 1).await, peer(9, 50, hash(50), 2).await, peer(3, 9, forged, 3).await];
    signs_among(impostor, &[], "a word with another's signature").await;
    let behind =
        vec![peer(1, 9, hash(9), 1).await, peer(2, 60, hash(60), 2).await, peer(3, 50, forged, 3).await];
    signs_among(behind, &[2, 3], "as far as both say").await;
    let two =
        vec![peer(1, 50, hash(50), 1).await, peer(2, 77, hash(77), 2).await, peer(3, 50, forged, 3).await];
    signs_among(two, &[2, 3, 4], "two of three").await;
}
