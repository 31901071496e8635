//! A validator that is new, was restored, or was away for long: what is proved is enough, and no history is needed.

use std::sync::Mutex;

use axum::Router;
use icc_attest::{AttestationBatch, SignPointRequest};
use icc_validator::Roll;

use super::*;

/// A chain with one lane. Messages are two to a block, from block 10 on; before a nonce nobody tells of them any more.
struct Long {
    sent: Arc<Mutex<Sent>>,
    /// Blocks that were asked for.
    asked: Arc<AtomicU64>,
    looks: Arc<AtomicUsize>,
    hints: watch::Sender<u64>,
}

struct Sent {
    /// By nonce; the first is the lane's beginning.
    accumulators: Vec<B256>,
    /// Of each message, by nonce.
    leaves: Vec<B256>,
    forgotten: u64,
    /// Makes the messages others.
    text: &'static str,
}

impl Sent {
    fn new(messages: u64) -> Self {
        let mut sent =
            Self { accumulators: vec![lane().id().0], leaves: vec![B256::ZERO], forgotten: 0, text: "a" };
        sent.grow(messages);
        sent
    }

    fn grow(&mut self, messages: u64) {
        for _ in 0..messages {
            let nonce = self.nonce() + 1;
            let Event::Sent(message) = sent(1, nonce, self.text).event else { panic!("no message") };
            let leaf = keccak256(&message.message);
            self.leaves.push(leaf);
            self.accumulators.push(fold(self.accumulators[nonce as usize - 1], leaf));
        }
    }

    fn nonce(&self) -> u64 {
        self.accumulators.len() as u64 - 1
    }

    fn block(&self) -> BlockRef {
        let number = 10 + self.nonce() / 2;
        BlockRef { number, hash: hash(number) }
    }
}

#[async_trait]
impl Prover for Long {
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
        let block = self.sent.lock().unwrap().block();
        let by_all = Some(UnanimousFinal::by_every_endpoint(block));
        Ok(AgreedFinal { by_quorum: QuorumBlock::by_quorum(block), by_all })
    }
    async fn agreed_block(&self, number: u64) -> Result<QuorumBlock, ChainError> {
        Ok(QuorumBlock::by_quorum(BlockRef { number, hash: hash(number) }))
    }
    async fn agreed_head(&self) -> Result<QuorumBlock, ChainError> {
        Ok(QuorumBlock::by_quorum(self.sent.lock().unwrap().block()))
    }
    async fn header(&self, wanted: B256) -> Result<HashedHeader, ChainError> {
        Err(ChainError::UnknownBlock(wanted.to_string()))
    }
    async fn prove_outboxes(&self, block: BlockRef, to: &[ChainId]) -> Result<ProvedOutboxes, ChainError> {
        let sent = self.sent.lock().unwrap();
        let nonce = ((block.number - 10) * 2 + 1).min(sent.nonce());
        let outbox = ProvedOutbox {
            accumulator: sent.accumulators[nonce as usize],
            nonce,
            generation: 1,
            remote_gateway: lane().destination_gateway,
        };
        Ok(ProvedOutboxes { header: header(block), outboxes: to.iter().map(|to| (*to, outbox)).collect() })
    }
    async fn prove_snapshots(
        &self,
        _: BlockRef,
        _: LaneId,
        indexes: &[u64],
    ) -> Result<Vec<B256>, ChainError> {
        let sent = self.sent.lock().unwrap();
        Ok(indexes.iter().map(|index| sent.accumulators[*index as usize * 256]).collect())
    }
    async fn told_events(&self, from: u64, to: u64, _: usize) -> Result<Vec<LocatedEvent>, ChainError> {
        self.asked.fetch_add(to - from + 1, Ordering::Relaxed);
        let told = self.sent.lock().unwrap();
        let nonces = (told.forgotten + 1)..=told.nonce();
        let in_range = nonces.filter(|nonce| (from..=to).contains(&(10 + nonce / 2)));
        Ok(in_range.map(|nonce| sent(10 + nonce / 2, nonce, told.text)).collect())
    }
    fn endpoints(&self) -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }
}

/// A validator on such a chain.
struct Late {
    sent: Arc<Mutex<Sent>>,
    asked: Arc<AtomicU64>,
    looks: Arc<AtomicUsize>,
    attestor: Attestor,
    backlog: Backlog,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

impl Late {
    /// One whose key has signed the lane to these nonces before.
    fn start(sent: Sent, signed: &[u64]) -> Self {
        icc_service::install_tls();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let checkpoints: Vec<_> = signed
            .iter()
            .map(|nonce| icc_protocol::Checkpoint {
                lane: lane().id(),
                nonce: *nonce,
                accumulator: sent.accumulators[*nonce as usize],
            })
            .collect();
        Journal::open(&path, "test").unwrap().adopt(&checkpoints).unwrap();
        let key = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
        let journal = Journal::open(&path, "test").unwrap();
        let attestor = Attestor::new(journal, Signer::new(key), Domain::new(NETWORK));
        let (sent, asked, looks) =
            (Arc::new(Mutex::new(sent)), Arc::default(), Arc::<AtomicUsize>::default());
        let chain = Long {
            sent: sent.clone(),
            asked: Arc::clone(&asked),
            looks: looks.clone(),
            hints: watch::channel(0).0,
        };
        let config = WatchConfig {
            network: NETWORK,
            destinations: vec![THERE],
            start_block: 0,
            max_range: 100,
            idle: Duration::from_millis(10),
        };
        let peers = Peers::new(reqwest::Client::new(), Domain::new(NETWORK), Vec::new());
        let (backlog, stop) = (Backlog::default(), CancellationToken::new());
        let signing = (attestor.clone(), Publisher::default());
        let watcher = Watcher::new(Arc::new(chain), signing, peers, backlog.clone(), config).unwrap();
        tokio::spawn(watcher.run(stop.clone()));
        Self { sent, asked, looks, attestor, backlog, stop, _folder: folder }
    }

    async fn look(&self) {
        let seen = self.looks.load(Ordering::Relaxed);
        while self.looks.load(Ordering::Relaxed) < seen + 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The nonces signed above one, after a few looks; each is the chain's own.
    async fn signed_above(&self, nonce: u64) -> Vec<u64> {
        self.look().await;
        let signed = self.attestor.recorded(lane().id(), nonce + 1, 10_000).await.unwrap();
        let sent = self.sent.lock().unwrap();
        for one in &signed {
            assert_eq!(one.accumulator, sent.accumulators[one.nonce as usize], "{one:?}");
        }
        signed.iter().map(|one| one.nonce).collect()
    }

    async fn serve(&self) -> url::Url {
        let router: Router =
            icc_validator::router(self.attestor.clone(), self.backlog.clone(), Roll::default(), String::new);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn a_new_validator_begins_at_the_proved_outbox() {
    let mut sent = Sent::new(20_001);
    sent.forgotten = 20_001;
    let late = Late::start(sent, &[]);
    assert_eq!(late.signed_above(0).await, [20_001]);
    assert_eq!(late.asked.load(Ordering::Relaxed), 0, "no history was asked for");
    late.sent.lock().unwrap().grow(4);
    assert_eq!(late.signed_above(20_001).await, [20_003, 20_005], "from there on every sign point");
}

/// Nothing is known but what was signed once, far back or a moment ago.
#[tokio::test]
async fn a_restored_validator_goes_on_from_what_it_signed() {
    for (signed, at) in [(19_201, 20_001), (301, 20_001), (512, 20_001), (19_999, 20_001), (20_001, 20_001)] {
        let late = Late::start(Sent::new(at), &[65, signed]);
        let newest = late.signed_above(0).await;
        assert_eq!(newest.last(), Some(&at), "from {signed}: {newest:?}");
        assert!(newest.len() < 600, "{}", newest.len());
    }
}

/// Attack, or a chain that took back its finality: what was signed is not on the way to the outbox, near or far.
#[tokio::test]
async fn what_does_not_continue_what_was_signed_is_not_signed() {
    for (signed, at) in [(19_999, 20_001), (301, 20_001), (512, 20_001), (20_001, 20_001), (20_001, 19_001)] {
        let before = Sent { text: "b", ..Sent::new(0) };
        let mut before = before;
        before.grow(signed);
        let late = Late::start(before, &[signed]);
        *late.sent.lock().unwrap() = Sent::new(at);
        late.look().await;
        let recorded = late.attestor.recorded(lane().id(), 0, 10).await.unwrap();
        assert_eq!(recorded.len(), 1, "from {signed} to {at}: {recorded:?}");
    }
}

/// A lane with thousands waiting is delivered in steps: whoever has the leaves gets the sign points between.
#[tokio::test]
async fn older_sign_points_are_signed_on_request() {
    let late = Late::start(Sent::new(1001), &[]);
    assert_eq!(late.signed_above(0).await, [1001]);
    let (url, client) = (late.serve().await, reqwest::Client::new());
    let leaves = late.sent.lock().unwrap().leaves.clone();
    let ask = async |index: u64, leaves: &[B256]| {
        let url = url.join(&format!("v1/sign-points/{}", lane().id())).unwrap();
        let request = SignPointRequest { index, leaves: leaves.to_vec() };
        let answer = client.post(url).json(&request).send().await.unwrap();
        let status = answer.status().as_u16();
        let batch = answer.json::<AttestationBatch>().await.unwrap_or_default();
        (status, batch.attestations.iter().map(|one| one.nonce).collect::<Vec<u64>>())
    };
    // Twice: the second time from the journal.
    for _ in 0..2 {
        assert_eq!(ask(0, &leaves[1..=256]).await, (200, vec![64, 128, 192, 256]));
        assert_eq!(ask(3, &leaves[769..=1001]).await, (200, vec![832, 896, 960, 1001]));
    }
    let mut wrong = leaves[257..=512].to_vec();
    wrong[100] = B256::repeat_byte(1);
    let short = &leaves[769..=900];
    for (index, leaves) in
        [(1, &wrong[..]), (1, &leaves[258..=512]), (3, short), (4, &leaves[1..=1]), (9, &[])]
    {
        assert_eq!(ask(index, leaves).await, (400, Vec::new()), "{index}");
    }
    assert_eq!(late.signed_above(0).await, [64, 128, 192, 256, 832, 896, 960, 1001], "and nothing else");
    // A window may end at whatever is signed.
    late.sent.lock().unwrap().grow(20);
    assert_eq!(late.signed_above(1001).await.last(), Some(&1021));
    assert_eq!(ask(3, &leaves[769..=1001]).await, (200, vec![832, 896, 960, 1001]));
}
