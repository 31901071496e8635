//! A watcher among endpoints of which one lies: what is signed, and what never is.
#![allow(missing_docs, clippy::unwrap_used)]

mod honest;
mod recover;

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{B256, Bytes};
use alloy_signer_local::PrivateKeySigner;
use async_trait::async_trait;
use icc_attest::FinalWord;
use icc_chain::{
    AgreedFinal, BlockRef, ChainError, Event, EventAt, HeadHints, LaneOpened, LocatedEvent, ProvedOutboxes,
    Prover, SentMessage,
};
use icc_protocol::{ChainId, Checkpoint, Domain, FinalBlock, Kind, Lane, LaneId, Message, NetworkId};
use icc_service::Signer;
use icc_validator::{
    Attestor, ChainState, Fold, Journal, Peer, Peers, Publisher, Source, WatchConfig, Watcher,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const HERE: ChainId = ChainId(1);
const THERE: ChainId = ChainId(2);
const NETWORK: NetworkId = NetworkId(B256::repeat_byte(9));
const GATEWAY: B256 = B256::repeat_byte(2);

/// A chain whose proofs are true and whose first endpoint tells what it likes.
struct Chain {
    finalized: u64,
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

/// What follows from the truth.
fn truth(events: &[LocatedEvent], to: u64) -> (ChainState, Vec<Checkpoint>) {
    let source = Source { network: NETWORK, chain: HERE, gateway: GATEWAY };
    let mut fold = Fold::new(source, ChainState::default(), BTreeSet::from([THERE]));
    let events: Vec<LocatedEvent> = events.iter().filter(|e| e.at.block.number <= to).cloned().collect();
    fold.extend(&events, to).unwrap();
    fold.finish()
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
        let block = self.agreed_block(self.finalized).await?;
        Ok(AgreedFinal { by_quorum: block, by_all: self.unanimous.then_some(block) })
    }
    async fn agreed_block(&self, number: u64) -> Result<BlockRef, ChainError> {
        Ok(BlockRef { number, hash: hash(number) })
    }
    async fn agreed_head(&self) -> Result<BlockRef, ChainError> {
        self.agreed_block(self.finalized).await
    }
    async fn prove_outboxes(&self, block: BlockRef, to: &[ChainId]) -> Result<ProvedOutboxes, ChainError> {
        let (state, _) = truth(&self.truth, block.number);
        let accumulators = to
            .iter()
            .map(|chain| (*chain, state.lanes.get(chain).map_or(B256::ZERO, |lane| lane.accumulator)));
        Ok(ProvedOutboxes { block, accumulators: accumulators.collect() })
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
    let chain = Arc::new(Chain {
        finalized: 50,
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
    let watcher = Watcher::new(chain, attestor.clone(), Publisher::default(), peers, config).unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(watcher.run(stop.clone()));
    let lane: LaneId = lane().id();
    let watched = async {
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

fn expected() -> Vec<(u64, B256)> {
    truth(&history(), 50).1.iter().map(|checkpoint| (checkpoint.nonce, checkpoint.accumulator)).collect()
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
    let block = FinalBlock { chain: HERE, number, hash };
    let digest = Domain::new(NETWORK).final_block_digest(&block);
    let signature = Signer::new(signer).sign(&digest).unwrap();
    let word = FinalWord { chain: HERE, number, hash, signature };
    let router = axum::Router::new().route("/v1/final/1", axum::routing::get(async move || axum::Json(word)));
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
