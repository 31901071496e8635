//! Nothing that an honest validator ever signs is evidence against it, whatever its chains, its machines and its operator
//! do: chains take back what is not final, lanes change their generation, processes are cut off in the middle of what they
//! do, old journals are put back, a key runs on two machines, gateways are deployed anew, and the same key serves
//! another network. What the contracts would take as proof is looked for in everything that was ever signed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_signer_local::PrivateKeySigner;
use async_trait::async_trait;
use icc_attest::{Attestation, Evidence, EvidenceError, Outbox, SignedSet};
use icc_chain::{
    AgreedFinal, BlockRef, ChainError, Epoch, EpochProgress, Event, EventAt, HashedHeader, HeadHints, Hub,
    HubProver, LaneEnded, LaneOpened, LocatedEvent, ProvedEpoch, ProvedOutbox, ProvedOutboxes, Prover,
    QuorumBlock, Registration, SentMessage, UnanimousFinal,
};
use icc_protocol::{
    ChainId, Domain, EpochRecord, Kind, Lane, LaneId, Message, NetworkId, SignatureSet, ValidatorSet, fold,
};
use icc_service::Signer;
use icc_validator::{
    Attestor, Backlog, FirstTrust, Journal, Peers, Publisher, SetWatcher, WatchConfig, Watcher,
};
use proptest::prelude::*;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

const HERE: ChainId = ChainId(1);
const THERE: ChainId = ChainId(2);
/// How long processes run between two events; they are cut off then.
const SLICE: Duration = Duration::from_millis(12);
/// To sign all that is final, at the end.
const LONG: Duration = Duration::from_millis(150);

fn key() -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[7; 32]).unwrap()
}

/// What happens.
#[derive(Debug, Clone)]
enum Act {
    /// Blocks with so many messages each.
    Mine(Vec<u8>),
    /// So many more blocks are final.
    Finalize(u8),
    /// As many blocks that are not final are replaced by others, with one message each.
    Reorg(u8),
    /// The lane is closed and opened again.
    NextGeneration,
    /// The registry makes an epoch, in the next block.
    Epoch,
    /// A copy of a process's journal is made.
    Backup(usize),
    /// It is put back, and the process goes on with it.
    Restore(usize),
    /// Whether endpoints are of one mind.
    Unanimous(bool),
    /// Whether one of the endpoints tells false events and false epochs.
    Lying(bool),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => prop::collection::vec(0u8..4, 1..4).prop_map(Act::Mine),
        4 => (1u8..6).prop_map(Act::Finalize),
        3 => (1u8..6).prop_map(Act::Reorg),
        1 => Just(Act::NextGeneration),
        2 => Just(Act::Epoch),
        1 => (0usize..4).prop_map(Act::Backup),
        1 => (0usize..4).prop_map(Act::Restore),
        1 => prop::bool::weighted(0.7).prop_map(Act::Unanimous),
        1 => any::<bool>().prop_map(Act::Lying),
    ]
}

#[derive(Debug, Clone, Default)]
struct Block {
    hash: B256,
    events: Vec<Event>,
    epochs: Vec<EpochRecord>,
}

/// A chain with a gateway and a registry, as it is at the moment.
struct World {
    network: NetworkId,
    gateway: B256,
    /// By height; the first is the one before the gateway.
    blocks: Vec<Block>,
    finalized: usize,
    generation: u32,
    /// Makes every block, message and epoch another.
    made: u64,
    unanimous: bool,
    lying: bool,
    /// By epoch: what was posted on the hub.
    posted: BTreeMap<u64, Bytes>,
}

impl World {
    fn new(network: u8, gateway: u8) -> Self {
        let mut world = Self {
            network: NetworkId(B256::repeat_byte(network)),
            gateway: B256::repeat_byte(gateway),
            blocks: vec![Block::default()],
            finalized: 0,
            generation: 1,
            made: u64::from(network) << 32 | u64::from(gateway) << 40,
            unanimous: true,
            lying: false,
            posted: BTreeMap::new(),
        };
        // In the far future, and so never too old to be believed.
        let first = EpochRecord { epoch: 1, set_hash: set().hash(), hub_time: world.made };
        let opened = world.opened();
        world.push(vec![opened], vec![first]);
        world.finalized = 1;
        world
    }

    fn lane(&self, generation: u32) -> Lane {
        Lane {
            network: self.network,
            source_chain: HERE,
            source_gateway: self.gateway,
            destination_chain: THERE,
            destination_gateway: B256::repeat_byte(3),
            generation,
        }
    }

    fn header(&self, number: usize) -> HashedHeader {
        let at = BlockRef { number: number as u64, hash: self.blocks[number].hash };
        let parent = number.checked_sub(1).map_or(B256::ZERO, |parent| self.blocks[parent].hash);
        HashedHeader::recomputed(at, parent, u64::MAX)
    }

    fn opened(&self) -> Event {
        let lane = self.lane(self.generation);
        Event::LaneOpened(LaneOpened {
            remote_chain: THERE,
            remote_gateway: lane.destination_gateway,
            generation: self.generation,
            outbound: lane.id(),
            inbound: lane.reversed().id(),
        })
    }

    fn push(&mut self, events: Vec<Event>, epochs: Vec<EpochRecord>) {
        self.made += 1;
        let hash = keccak256(self.made.to_be_bytes());
        self.blocks.push(Block { hash, events, epochs });
    }

    /// Messages that continue the lane as it stands at the head.
    fn messages(&mut self, count: u8) -> Vec<Event> {
        let (_, nonce) = outboxes(self, self.blocks.len() - 1)
            .remove(&self.lane(self.generation).id())
            .map_or((B256::ZERO, 0), |leaves| (B256::ZERO, leaves.len() as u64));
        (1..=u64::from(count))
            .map(|offset| {
                self.made += 1;
                let message = Message {
                    kind: Kind::Call,
                    nonce: nonce + offset,
                    deadline: 0,
                    gas_limit: 1,
                    sender: B256::ZERO,
                    recipient: B256::ZERO,
                    payload: Bytes::from(self.made.to_be_bytes().to_vec()),
                };
                let message = Bytes::from(message.encode());
                Event::Sent(SentMessage { destination: THERE, generation: self.generation, message })
            })
            .collect()
    }

    fn epochs_to(&self, block: usize) -> Vec<EpochRecord> {
        self.blocks[..=block].iter().flat_map(|block| block.epochs.iter().copied()).collect()
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Mine(blocks) => {
                for count in blocks {
                    let messages = self.messages(*count);
                    self.push(messages, Vec::new());
                }
            }
            Act::Finalize(count) => {
                self.finalized = (self.finalized + usize::from(*count)).min(self.blocks.len() - 1);
            }
            Act::Reorg(depth) => {
                let depth = usize::from(*depth).min(self.blocks.len() - 1 - self.finalized);
                self.blocks.truncate(self.blocks.len() - depth);
                self.generation = generation_at(self);
                for _ in 0..depth {
                    let messages = self.messages(1);
                    self.push(messages, Vec::new());
                }
            }
            Act::NextGeneration => {
                let lane = self.lane(self.generation);
                let ended = Event::LaneEnded(LaneEnded {
                    remote_chain: THERE,
                    generation: self.generation,
                    outbound: lane.id(),
                    inbound: lane.reversed().id(),
                    outbox_nonce: 0,
                    inbox: B256::ZERO,
                });
                self.generation += 1;
                let opened = self.opened();
                self.push(vec![ended, opened], Vec::new());
            }
            Act::Epoch => {
                let newest = self.epochs_to(self.blocks.len() - 1).len() as u64;
                self.made += 1;
                let record = EpochRecord { epoch: newest + 1, set_hash: set().hash(), hub_time: self.made };
                self.push(Vec::new(), vec![record]);
            }
            Act::Unanimous(so) => self.unanimous = *so,
            Act::Lying(so) => self.lying = *so,
            Act::Backup(_) | Act::Restore(_) => {}
        }
    }
}

fn set() -> ValidatorSet {
    ValidatorSet::new(vec![key().address()]).unwrap()
}

fn generation_at(world: &World) -> u32 {
    let opened = world.blocks.iter().flat_map(|block| &block.events).filter_map(|event| match event {
        Event::LaneOpened(opened) => Some(opened.generation),
        _ => None,
    });
    opened.max().unwrap_or(1)
}

/// The leaves that each lane has sent up to a block, ended lanes included.
fn outboxes(world: &World, block: usize) -> BTreeMap<LaneId, Vec<B256>> {
    let mut leaves: BTreeMap<LaneId, Vec<B256>> = BTreeMap::new();
    for event in world.blocks[..=block].iter().flat_map(|block| &block.events) {
        match event {
            Event::LaneOpened(opened) => drop(leaves.entry(opened.outbound).or_default()),
            Event::Sent(sent) => {
                leaves.entry(world.lane(sent.generation).id()).or_default().push(keccak256(&sent.message));
            }
            _ => {}
        }
    }
    leaves
}

/// What one process sees of a world.
struct Node {
    world: Arc<Mutex<World>>,
    hints: watch::Sender<u64>,
    looks: AtomicUsize,
}

impl Node {
    fn block(&self, number: usize) -> Result<BlockRef, ChainError> {
        let world = self.world.lock().unwrap();
        let block = world.blocks.get(number);
        let hash = block.ok_or_else(|| ChainError::Misconfigured("no such block".to_owned()))?.hash;
        Ok(BlockRef { number: number as u64, hash })
    }
}

#[async_trait]
impl Prover for Node {
    fn chain(&self) -> ChainId {
        HERE
    }
    fn gateway(&self) -> B256 {
        self.world.lock().unwrap().gateway
    }
    fn head_hints(&self) -> HeadHints {
        self.hints.subscribe()
    }
    async fn agreed_finalized(&self) -> Result<AgreedFinal, ChainError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let (finalized, unanimous) = {
            let world = self.world.lock().unwrap();
            (world.finalized, world.unanimous)
        };
        let block = self.block(finalized)?;
        let by_all = unanimous.then(|| UnanimousFinal::by_every_endpoint(block));
        Ok(AgreedFinal { by_quorum: QuorumBlock::by_quorum(block), by_all })
    }
    async fn agreed_block(&self, number: u64) -> Result<QuorumBlock, ChainError> {
        Ok(QuorumBlock::by_quorum(self.block(number as usize)?))
    }
    async fn agreed_head(&self) -> Result<QuorumBlock, ChainError> {
        let head = self.world.lock().unwrap().blocks.len() - 1;
        Ok(QuorumBlock::by_quorum(self.block(head)?))
    }
    async fn header(&self, hash: B256) -> Result<HashedHeader, ChainError> {
        let world = self.world.lock().unwrap();
        let number = world.blocks.iter().position(|block| block.hash == hash);
        let number = number.ok_or_else(|| ChainError::UnknownBlock(hash.to_string()))?;
        Ok(world.header(number))
    }
    async fn prove_outboxes(&self, block: BlockRef, to: &[ChainId]) -> Result<ProvedOutboxes, ChainError> {
        let world = self.world.lock().unwrap();
        let number = block.number as usize;
        if world.blocks.get(number).is_none_or(|known| known.hash != block.hash) {
            return Err(ChainError::Misconfigured("that block is gone".to_owned()));
        }
        let before = World { blocks: world.blocks[..=number].to_vec(), ..World::new(0, 0) };
        let lane = world.lane(generation_at(&before));
        let leaves = outboxes(&world, number).remove(&lane.id()).unwrap_or_default();
        let outbox = ProvedOutbox {
            accumulator: leaves.iter().fold(lane.id().0, |so_far, leaf| fold(so_far, *leaf)),
            nonce: leaves.len() as u64,
            generation: lane.generation,
            remote_gateway: lane.destination_gateway,
        };
        let proved = to.iter().filter(|chain| **chain == THERE).map(|chain| (*chain, outbox));
        Ok(ProvedOutboxes { header: world.header(number), outboxes: proved.collect() })
    }
    async fn prove_snapshots(&self, _: BlockRef, _: LaneId, _: &[u64]) -> Result<Vec<B256>, ChainError> {
        Err(ChainError::Misconfigured("no history here is so long".to_owned()))
    }
    async fn told_events(&self, from: u64, to: u64, attempt: usize) -> Result<Vec<LocatedEvent>, ChainError> {
        let world = self.world.lock().unwrap();
        let mut told = Vec::new();
        for number in from..=to.min(world.blocks.len() as u64 - 1) {
            let block = &world.blocks[number as usize];
            for (index, event) in block.events.iter().enumerate() {
                let at = BlockRef { number, hash: block.hash };
                let at = EventAt { block: at, transaction: B256::ZERO, log_index: index as u64 };
                told.push(LocatedEvent { at, event: event.clone() });
            }
        }
        if world.lying && attempt.is_multiple_of(3) {
            told.pop();
        }
        Ok(told)
    }
    fn endpoints(&self) -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }
}

#[async_trait]
impl HubProver for Node {
    async fn prove_signed_epoch(&self, _: BlockRef) -> Result<u64, ChainError> {
        Ok(self.world.lock().unwrap().posted.keys().max().copied().unwrap_or(1))
    }
    async fn prove_epoch(&self, block: BlockRef, epoch: u64) -> Result<Option<ProvedEpoch>, ChainError> {
        let world = self.world.lock().unwrap();
        let number = block.number as usize;
        if world.blocks.get(number).is_none_or(|known| known.hash != block.hash) {
            return Err(ChainError::Misconfigured("that block is gone".to_owned()));
        }
        let record = world.epochs_to(number).into_iter().find(|record| record.epoch == epoch);
        Ok(record.map(|record| ProvedEpoch { block, record }))
    }
    fn told_by(&self, attempt: usize) -> Result<Box<dyn Hub>, ChainError> {
        let world = self.world.clone();
        let lying = world.lock().unwrap().lying && attempt == 0;
        Ok(Box::new(Told { world, lying }))
    }
}

/// The registry by one endpoint, at the head.
struct Told {
    world: Arc<Mutex<World>>,
    lying: bool,
}

#[async_trait]
impl Hub for Told {
    fn chain(&self) -> ChainId {
        HERE
    }
    async fn progress(&self) -> Result<EpochProgress, ChainError> {
        let world = self.world.lock().unwrap();
        let newest = world.epochs_to(world.blocks.len() - 1).len() as u64;
        let signed = world.posted.keys().max().copied().unwrap_or(1);
        Ok(EpochProgress { newest: newest + u64::from(self.lying), signed, due: false })
    }
    async fn epoch(&self, epoch: u64) -> Result<Epoch, ChainError> {
        let world = self.world.lock().unwrap();
        let known = world.epochs_to(world.blocks.len() - 1).into_iter().find(|one| one.epoch == epoch);
        let mut record = known.ok_or_else(|| ChainError::Misconfigured("no such epoch".to_owned()))?;
        if self.lying {
            record.hub_time += 1;
        }
        let signatures = world.posted.get(&epoch).cloned().unwrap_or_default();
        Ok(Epoch { record, set: set(), signatures })
    }
    async fn registration(&self, _: Address) -> Result<Registration, ChainError> {
        Err(ChainError::Misconfigured("nobody is asked for".to_owned()))
    }
    async fn waiting(&self) -> Result<Vec<Address>, ChainError> {
        Ok(Vec::new())
    }
    async fn held_epoch(&self, _: ChainId) -> Result<Option<u64>, ChainError> {
        Ok(None)
    }
}

/// A process: a journal, and a world.
struct Process {
    journal: PathBuf,
    world: Arc<Mutex<World>>,
}

impl Process {
    /// Runs for a while, and is cut off. What it has signed by its journal, before and after.
    async fn run(&self, slice: Duration) -> (Vec<Attestation>, Vec<SignedSet>) {
        let network = self.world.lock().unwrap().network;
        let attestor = self.open(network).await;
        let node = Arc::new(Node {
            world: self.world.clone(),
            hints: watch::channel(0).0,
            looks: AtomicUsize::new(0),
        });
        let config = WatchConfig {
            network,
            destinations: vec![THERE],
            start_block: 0,
            max_range: 3,
            idle: Duration::from_millis(2),
        };
        let peers = Peers::new(reqwest::Client::new(), Domain::new(network), Vec::new());
        let watcher = Watcher::new(
            node.clone(),
            (attestor.clone(), Publisher::default()),
            peers.clone(),
            Backlog::default(),
            config,
        )
        .unwrap();
        let first = FirstTrust { anchor: None, oldest: Duration::from_secs(3600) };
        let sets = SetWatcher::new(node.clone(), attestor.clone(), peers, first).unwrap();
        let stop = CancellationToken::new();
        let both = async {
            let (watched, followed) = tokio::join!(watcher.run(stop.clone()), sets.run(stop.clone()));
            watched.unwrap();
            followed.unwrap();
        };
        // Cut off in the middle of whatever it does.
        assert!(timeout(slice, both).await.is_err(), "what endpoints do never ends a watcher");
        let lanes: Vec<LaneId> = {
            let world = self.world.lock().unwrap();
            (1..=world.generation + 1).map(|generation| world.lane(generation).id()).collect()
        };
        let (mut signed, mut signed_sets) = (Vec::new(), Vec::new());
        for lane in lanes {
            signed.extend(attestor.recorded(lane, 0, 10_000).await.unwrap());
        }
        for epoch in 1..100 {
            signed_sets.extend(attestor.signed_set(epoch).await.unwrap());
        }
        (signed, signed_sets)
    }

    /// The newest epoch whose set it trusts.
    async fn trusts(&self) -> Option<u64> {
        let network = self.world.lock().unwrap().network;
        self.open(network).await.trusted_epoch().unwrap().map(|epoch| epoch.record.epoch)
    }

    /// What was cut off may still be writing.
    async fn open(&self, network: NetworkId) -> Attestor {
        for _ in 0..500 {
            if let Ok(journal) = Journal::open(&self.journal, &network.to_string()) {
                return Attestor::new(journal, Signer::new(key()), Domain::new(network));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("the journal stays locked");
    }
}

/// All that was ever signed, by world.
#[derive(Default)]
struct Signed {
    attestations: BTreeSet<(usize, LaneId, u64, B256)>,
    words: Vec<(usize, Attestation)>,
    sets: Vec<(usize, SignedSet)>,
}

impl Signed {
    fn add(&mut self, world: usize, attestations: Vec<Attestation>, sets: Vec<SignedSet>) {
        for one in attestations {
            if self.attestations.insert((world, one.lane, one.nonce, one.accumulator)) {
                self.words.push((world, one));
            }
        }
        for one in sets {
            if !self.sets.contains(&(world, one)) {
                self.sets.push((world, one));
            }
        }
    }

    /// Looks for anything that a contract would take.
    fn check(&self, worlds: &[Arc<Mutex<World>>]) -> Result<(), TestCaseError> {
        let own = key().address();
        for (index, (_, one)) in self.words.iter().enumerate() {
            for (_, other) in &self.words[index + 1..] {
                for network in networks(worlds) {
                    let evidence = Evidence::Equivocation { network, one: *one, other: *other };
                    prop_assert!(evidence.verify().map(|proved| proved.signer) != Ok(own), "{evidence:?}");
                }
            }
        }
        for (world, signed) in &self.words {
            let world = worlds[*world].lock().unwrap();
            let outboxes = outboxes(&world, world.finalized);
            let leaves = outboxes.get(&signed.lane).cloned().unwrap_or_default();
            let lane = (1..=world.generation).map(|g| world.lane(g)).find(|lane| lane.id() == signed.lane);
            prop_assert!(lane.is_some(), "signed of a lane that never was: {signed:?}");
            let lane = lane.unwrap_or_else(|| unreachable!());
            prop_assert!(signed.nonce <= leaves.len() as u64, "signed beyond what is final: {signed:?}");
            let nonce = signed.nonce as usize;
            let accumulator = leaves[..nonce].iter().fold(lane.id().0, |so_far, leaf| fold(so_far, *leaf));
            let end = leaves[nonce..].iter().fold(accumulator, |so_far, leaf| fold(so_far, *leaf));
            let outbox = Outbox {
                nonce: leaves.len() as u64,
                block: world.finalized as u64,
                accumulator: Some(accumulator),
                leaves: leaves[nonce..].to_vec(),
                end,
            };
            let evidence = Evidence::FalseCheckpoint { lane, signed: *signed, outbox };
            prop_assert_eq!(evidence.verify(), Err(EvidenceError::SameWord));
        }
        for (world, signed) in &self.sets {
            let (network, records) = {
                let world = worlds[*world].lock().unwrap();
                (world.network, world.epochs_to(world.finalized))
            };
            let record = records.into_iter().find(|record| record.epoch == signed.epoch);
            prop_assert!(record.is_some(), "signed a set that is not final: {signed:?}");
            let EpochRecord { set_hash, hub_time, .. } = record.unwrap_or_else(|| unreachable!());
            let evidence = Evidence::FalseSet { network, signed: *signed, hub: HERE, set_hash, hub_time };
            prop_assert_eq!(evidence.verify(), Err(EvidenceError::SameWord));
            // Nor is its signature one of a checkpoint, or of another network.
            for network in networks(worlds) {
                let digest = signed.record().digest(&Domain::new(network));
                let of_world = worlds[*world].lock().unwrap().network == network;
                prop_assert_eq!(signed.signature.recover(&digest) == Ok(own), of_world);
            }
        }
        Ok(())
    }
}

fn networks(worlds: &[Arc<Mutex<World>>]) -> BTreeSet<NetworkId> {
    worlds.iter().map(|world| world.lock().unwrap().network).collect()
}

async fn story(acts: &[Act]) -> Result<(usize, usize), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    // The network; its gateway deployed anew; another network with the same key.
    let worlds =
        [World::new(9, 2), World::new(9, 4), World::new(8, 2)].map(|world| Arc::new(Mutex::new(world)));
    // The key runs on two machines of the first.
    let processes: Vec<(usize, Process)> = [0, 0, 1, 2]
        .iter()
        .enumerate()
        .map(|(number, world)| {
            let journal = folder.path().join(format!("{number}.journal"));
            (*world, Process { journal, world: worlds[*world].clone() })
        })
        .collect();
    let mut signed = Signed::default();
    for act in acts {
        for world in &worlds {
            world.lock().unwrap().act(act);
        }
        match act {
            Act::Backup(number) => {
                let journal = &processes[*number].1.journal;
                // Not while it is written: what an operator's copy tool would make.
                if journal.exists() {
                    fs::copy(journal, journal.with_extension("backup")).unwrap();
                }
            }
            Act::Restore(number) => {
                let journal = &processes[*number].1.journal;
                if journal.with_extension("backup").exists() {
                    fs::copy(journal.with_extension("backup"), journal).unwrap();
                }
            }
            _ => {}
        }
        run(&processes, &worlds, &mut signed, SLICE).await;
        signed.check(&worlds)?;
    }
    for world in &worlds {
        let mut world = world.lock().unwrap();
        (world.unanimous, world.lying) = (true, false);
    }
    run(&processes, &worlds, &mut signed, LONG).await;
    signed.check(&worlds)?;
    // It was no silence that was checked: all that is final is signed by now.
    let world = worlds[0].lock().unwrap();
    let lane = world.lane(world.generation).id();
    let newest = outboxes(&world, world.finalized).get(&lane).map_or(0, Vec::len) as u64;
    let reached = signed.attestations.iter().any(|(_, of, nonce, _)| (*of, *nonce) == (lane, newest));
    prop_assert!(newest == 0 || reached, "nonce {newest} is final and not signed");
    Ok((signed.words.len(), signed.sets.len()))
}

async fn run(
    processes: &[(usize, Process)],
    worlds: &[Arc<Mutex<World>>],
    signed: &mut Signed,
    slice: Duration,
) {
    let running = processes.iter().map(|(_, process)| process.run(slice));
    let all = futures::future::join_all(running).await;
    for ((world, _), (attestations, sets)) in processes.iter().zip(all) {
        for one in &sets {
            post(&worlds[*world], one);
        }
        signed.add(*world, attestations, sets);
    }
}

/// Posts a signature on the hub: the set is one key, and so is its quorum.
fn post(world: &Arc<Mutex<World>>, signed: &SignedSet) {
    let packed = SignatureSet::of_quorum(&set(), vec![(key().address(), signed.signature)]).unwrap();
    world.lock().unwrap().posted.insert(signed.epoch, packed.pack().into());
}

/// `PROPTEST_CASES` tells more of them.
#[test]
fn nothing_an_honest_validator_signs_is_evidence() {
    icc_service::install_tls();
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let config =
        ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 64, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let total = Mutex::new((0, 0));
    runner
        .run(&prop::collection::vec(act(), 15..40), |acts| {
            let (words, sets) = runtime.block_on(story(&acts))?;
            let mut total = total.lock().unwrap();
            *total = (total.0 + words, total.1 + sets);
            Ok(())
        })
        .unwrap();
    let (words, sets) = *total.lock().unwrap();
    assert!(words > 100 && sets > 10, "too little was signed to tell: {words} checkpoints, {sets} sets");
}

/// Attack: a validator was away for weeks, and whoever has the keys of the set that it trusted (bonds are long paid out)
/// shows it a successor. It believes only what all of its endpoints agree on, as at its first start.
#[tokio::test]
async fn after_weeks_away_signatures_of_old_sets_are_not_followed() {
    icc_service::install_tls();
    let folder = tempfile::tempdir().unwrap();
    let world = Arc::new(Mutex::new(World::new(9, 2)));
    world.lock().unwrap().blocks[1].epochs[0].hub_time = 1;
    let process = Process { journal: folder.path().join("journal"), world: world.clone() };
    process.run(LONG).await;
    assert_eq!(process.trusts().await, Some(1));
    world.lock().unwrap().act(&Act::Epoch);
    world.lock().unwrap().act(&Act::Finalize(9));
    process.run(LONG).await;
    world.lock().unwrap().unanimous = false;
    let record = world.lock().unwrap().epochs_to(2)[1];
    let network = world.lock().unwrap().network;
    let signature = Signer::new(key()).sign(&record.digest(&Domain::new(network))).unwrap();
    let EpochRecord { epoch, set_hash, hub_time } = record;
    post(&world, &SignedSet { epoch, set_hash, hub_time, signature });
    process.run(LONG).await;
    assert_eq!(process.trusts().await, Some(1), "not on the word of who may have left");
    world.lock().unwrap().unanimous = true;
    process.run(LONG).await;
    assert_eq!(process.trusts().await, Some(2));
}
