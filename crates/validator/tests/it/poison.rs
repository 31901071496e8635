//! Two of a validator's three endpoints lie alike, and the honest third is cut off or outvoted. What the two can make its
//! prover answer is played here call by call.

use std::sync::Mutex;

use super::*;

/// What the two say at the moment.
#[derive(Clone, Default)]
struct Word {
    /// Height of the final block by quorum, whether it is the forged one, and whether all three say so.
    finalized: (u64, bool, bool),
    /// Height of the head, and whether it is the forged one.
    head: Option<(u64, bool)>,
    /// The height at which they serve a forged block.
    forged_at: Option<u64>,
    /// Heights and hashes of which they refuse headers and proofs.
    refuse: Vec<u64>,
}

struct Poisoned {
    word: Arc<Mutex<Word>>,
    truth: Vec<LocatedEvent>,
    forged: Vec<LocatedEvent>,
    looks: Arc<AtomicUsize>,
    hints: watch::Sender<u64>,
}

fn forged_hash(block: u64) -> B256 {
    keccak256(block.to_be_bytes())
}

fn block(number: u64, forged: bool) -> BlockRef {
    BlockRef { number, hash: if forged { forged_hash(number) } else { hash(number) } }
}

impl Poisoned {
    fn word(&self) -> Word {
        self.word.lock().unwrap().clone()
    }
}

#[async_trait]
impl Prover for Poisoned {
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
        let (number, forged, unanimous) = self.word().finalized;
        let block = block(number, forged);
        let by_all = unanimous.then(|| UnanimousFinal::by_every_endpoint(block));
        Ok(AgreedFinal { by_quorum: QuorumBlock::by_quorum(block), by_all })
    }
    async fn agreed_block(&self, number: u64) -> Result<QuorumBlock, ChainError> {
        let word = self.word();
        if word.refuse.contains(&number) {
            return Err(ChainError::UnknownBlock(number.to_string()));
        }
        Ok(QuorumBlock::by_quorum(block(number, word.forged_at == Some(number))))
    }
    async fn agreed_head(&self) -> Result<QuorumBlock, ChainError> {
        let (number, forged) =
            self.word().head.ok_or_else(|| ChainError::UnknownBlock("latest".to_owned()))?;
        Ok(QuorumBlock::by_quorum(block(number, forged)))
    }
    /// A forged block names whatever parent it likes; a true one its own.
    async fn header(&self, wanted: B256) -> Result<HashedHeader, ChainError> {
        let known =
            (0..=60).map(|number| block(number, false)).chain((0..=60).map(|number| block(number, true)));
        let found = known.into_iter().find(|block| block.hash == wanted);
        found.map(header).ok_or_else(|| ChainError::UnknownBlock(wanted.to_string()))
    }
    async fn prove_outboxes(&self, block: BlockRef, to: &[ChainId]) -> Result<ProvedOutboxes, ChainError> {
        if self.word().refuse.contains(&block.number) {
            return Err(ChainError::UnknownBlock(block.to_string()));
        }
        let events = if block.hash == hash(block.number) { &self.truth } else { &self.forged };
        Ok(proved(block, events, to))
    }
    async fn prove_snapshots(&self, _: BlockRef, _: LaneId, _: &[u64]) -> Result<Vec<B256>, ChainError> {
        Err(ChainError::Misconfigured("no history here is so long".to_owned()))
    }
    /// The first two endpoints tell what leads to what they want.
    async fn told_events(&self, from: u64, to: u64, attempt: usize) -> Result<Vec<LocatedEvent>, ChainError> {
        let lies = attempt % 3 < 2 && self.word().forged_at.is_some();
        let told = if lies { &self.forged } else { &self.truth };
        Ok(told.iter().filter(|e| (from..=to).contains(&e.at.block.number)).cloned().collect())
    }
    fn endpoints(&self) -> Vec<String> {
        ["evil-1", "evil-2", "honest"].map(str::to_owned).to_vec()
    }
}

fn true_events() -> Vec<LocatedEvent> {
    let mut events = history();
    events.push(sent(48, 5, "e"));
    events
}

fn forged_events() -> Vec<LocatedEvent> {
    let mut events = history();
    events[4] = sent(41, 4, "500,000 that were never deposited");
    events
}

/// What is signed while the attackers say one thing after the other, after the lane was followed from its beginning.
async fn signed_under(words: Vec<Word>, peers: Vec<Peer>) -> Vec<(u64, B256)> {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal"), "test").unwrap();
    let key = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
    let attestor = Attestor::new(journal, Signer::new(key), Domain::new(NETWORK));
    let looks = Arc::new(AtomicUsize::new(0));
    let beginning = Word { finalized: (OPENED, false, true), ..Word::default() };
    let word = Arc::new(Mutex::new(beginning.clone()));
    let chain = Arc::new(Poisoned {
        word: word.clone(),
        truth: true_events(),
        forged: forged_events(),
        looks: looks.clone(),
        hints: watch::channel(0).0,
    });
    let config = WatchConfig {
        network: NETWORK,
        destinations: vec![THERE],
        start_block: 0,
        max_range: 100,
        idle: Duration::from_millis(20),
    };
    icc_service::install_tls();
    let peers = Peers::new(reqwest::Client::new(), Domain::new(NETWORK), peers);
    let signing = (attestor.clone(), Publisher::default());
    let watcher = Watcher::new(chain, signing, peers, Backlog::default(), config).unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(watcher.run(stop.clone()));
    for one in std::iter::once(beginning).chain(words) {
        *word.lock().unwrap() = one;
        let seen = looks.load(Ordering::Relaxed);
        while looks.load(Ordering::Relaxed) < seen + 6 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    let recorded = attestor.recorded(lane().id(), 0, 100).await.unwrap();
    recorded.iter().map(|one| (one.nonce, one.accumulator)).collect()
}

fn assert_true(signed: &[(u64, B256)]) {
    let honest = accumulators(&true_events());
    let lies: Vec<_> = signed.iter().filter(|one| !honest.contains(one)).collect();
    assert!(lies.is_empty(), "signed what the chain does not have: {lies:?}");
}

/// Attack: the two call a forged block 45 final; every peer says, honestly, that the true block 52 is. The two serve the true
/// header 52 when they are asked for it. A word on a higher block says nothing about a lower one that is not its ancestor.
#[tokio::test]
async fn peers_that_are_ahead_do_not_vouch_for_a_forged_block_below() {
    let peers =
        vec![peer(1, 52, hash(52), 1).await, peer(2, 52, hash(52), 2).await, peer(3, 52, hash(52), 3).await];
    let forged = Word { finalized: (45, true, false), forged_at: Some(45), ..Word::default() };
    let signed = signed_under(vec![forged], peers).await;
    assert_eq!(signed, [], "nothing is final but what they made up");
}

/// The same peers vouch for the true block 45, as they stand above it.
#[tokio::test]
async fn peers_that_are_ahead_vouch_for_an_ancestor() {
    let peers =
        vec![peer(1, 52, hash(52), 1).await, peer(2, 50, hash(50), 2).await, peer(3, 52, hash(52), 3).await];
    let signed = signed_under(vec![Word { finalized: (45, false, false), ..Word::default() }], peers).await;
    assert_eq!(signed.last().map(|(nonce, _)| *nonce), Some(4));
    assert_true(&signed);
}

/// Attack: while block 30 is final, the two serve a forged head 45, which is proved for later. Then all three call the true
/// block 50 final, and the two refuse to prove that.
#[tokio::test]
async fn a_kept_proof_of_a_forged_head_is_not_signed_below_a_true_final_block() {
    let first = Word { finalized: (30, false, true), ..Word::default() };
    let head = Word { head: Some((45, true)), forged_at: Some(45), ..first.clone() };
    let fin = Word { finalized: (50, false, true), forged_at: Some(45), refuse: vec![50], ..Word::default() };
    let signed = signed_under(vec![first, head, fin], vec![]).await;
    assert_eq!(signed.last().map(|(nonce, _)| *nonce), Some(3), "signed to block 30: {signed:?}");
    assert_true(&signed);
}

/// A kept proof of a true head is: nodes forget the state of final blocks.
#[tokio::test]
async fn a_kept_proof_of_an_ancestor_is_signed_when_the_final_block_cannot_be_proved() {
    let first = Word { finalized: (30, false, true), ..Word::default() };
    let head = Word { head: Some((45, false)), ..first.clone() };
    let fin = Word { finalized: (50, false, true), refuse: vec![50], ..Word::default() };
    let signed = signed_under(vec![first, head, fin], vec![]).await;
    assert_eq!(signed.last().map(|(nonce, _)| *nonce), Some(4));
    assert_true(&signed);
}

/// Attack: a true head 45 is proved, a true head 50 on top of it, then a forged head 45 takes the first one's place.
#[tokio::test]
async fn what_was_folded_ahead_is_bound_to_the_block_it_was_folded_on() {
    let first = Word { finalized: (30, false, true), ..Word::default() };
    let true_45 = Word { head: Some((45, false)), ..first.clone() };
    let true_50 = Word { head: Some((50, false)), ..first.clone() };
    let forged_45 = Word { head: Some((45, true)), forged_at: Some(45), ..first.clone() };
    let fin = Word { finalized: (50, false, true), ..Word::default() };
    let signed = signed_under(vec![first, true_45, true_50, forged_45, fin], vec![]).await;
    assert_eq!(signed.last().map(|(nonce, _)| *nonce), Some(5));
    assert_true(&signed);
}

/// A chain that takes back what was final, and goes on: the lane stays unsigned, whether the block was proved ahead or not.
#[tokio::test]
async fn a_chain_that_takes_back_its_finality_stops_the_lane() {
    let before = Word { finalized: (42, true, true), forged_at: Some(42), ..Word::default() };
    let after = Word { finalized: (50, false, true), ..Word::default() };
    for head in [None, Some((50, false))] {
        let ahead = Word { head, ..before.clone() };
        let signed = signed_under(vec![before.clone(), ahead, after.clone()], vec![]).await;
        let four = signed.iter().find(|(nonce, _)| *nonce == 4).unwrap();
        assert!(!accumulators(&true_events()).contains(four), "the block that was final then was signed");
        assert_eq!(signed.last(), Some(four), "and nothing after it: {signed:?}");
    }
}
