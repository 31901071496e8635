//! A validator's fold, stored progress and journal, under whatever an endpoint tells and in whatever order. A second,
//! simple account of the same events says what the outcome must be; never are there two accumulators for one nonce.
#![no_main]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
};

use alloy_primitives::{B256, Bytes, keccak256};
use arbitrary::{Arbitrary, Unstructured};
use icc_chain::{BlockRef, Event, EventAt, LaneEnded, LaneOpened, LocatedEvent, SentMessage};
use icc_protocol::{ChainId, Checkpoint, Kind, Lane, LaneId, Message, NetworkId, SIGN_INTERVAL, fold_all};
use icc_validator::{ChainState, Fold, Journal, Source};
use libfuzzer_sys::fuzz_target;

const CHAINS: u64 = 3;
const SOURCE: Source =
    Source { network: NetworkId(B256::repeat_byte(1)), chain: ChainId(1), gateway: B256::repeat_byte(2) };

/// What an endpoint tells, in few bytes: mostly what fits, so that runs get long.
#[derive(Arbitrary, Debug, Clone)]
enum Told {
    Open {
        to: u8,
        generation: u8,
    },
    End {
        to: u8,
        generation: u8,
    },
    /// The next `count` messages, so many to a block.
    Send {
        to: u8,
        count: u8,
        to_a_block: u8,
    },
    /// A message that may not fit.
    Odd {
        to: u8,
        generation: u8,
        nonce: u64,
        cut: Option<u8>,
    },
    /// An opening whose lane is another's.
    Forged {
        to: u8,
        generation: u8,
        lane: u8,
    },
    Skip(u8),
    Elsewhere,
}

#[derive(Arbitrary, Debug)]
struct Record {
    lane: u8,
    nonce: u8,
    accumulator: u8,
}

#[derive(Arbitrary, Debug)]
enum Input {
    /// Events, and after how many of them the range is cut.
    Fold(Vec<Told>, u8),
    Progress(Vec<u8>),
    Journal(Vec<Vec<Record>>),
}

fuzz_target!(|data: &[u8]| {
    match Input::arbitrary_take_rest(Unstructured::new(data)) {
        Ok(Input::Fold(told, cut)) => folded(&told, cut),
        Ok(Input::Progress(bytes)) => progress(&bytes),
        Ok(Input::Journal(batches)) => journal(&batches),
        Err(_) => {}
    }
});

fn lane(to: u64, generation: u32) -> Lane {
    Lane {
        network: SOURCE.network,
        source_chain: SOURCE.chain,
        source_gateway: SOURCE.gateway,
        destination_chain: ChainId(to),
        destination_gateway: B256::repeat_byte(3),
        generation,
    }
}

fn message(nonce: u64) -> Bytes {
    let message = Message {
        kind: Kind::Call,
        nonce,
        deadline: 0,
        gas_limit: 0,
        sender: B256::ZERO,
        recipient: B256::ZERO,
        payload: Bytes::new(),
    };
    message.encode().into()
}

/// Turns what is told into events, keeping the simple account.
#[derive(Default)]
struct Telling {
    block: u64,
    events: Vec<LocatedEvent>,
    /// Per destination: generation, and (block, leaf) of every message of the open lane.
    lanes: BTreeMap<u64, (u32, Vec<(u64, B256)>)>,
    /// Whether what is told cannot be.
    contradicts: bool,
}

impl Telling {
    fn at(&mut self, event: Event) {
        let block = BlockRef { number: self.block, hash: B256::ZERO };
        let log_index = self.events.len() as u64;
        self.events.push(LocatedEvent { at: EventAt { block, transaction: B256::ZERO, log_index }, event });
    }

    /// Of the open lane; 0 if there is none.
    fn generation(&self, to: u64) -> u32 {
        self.lanes.get(&to).map_or(0, |open| open.0)
    }

    fn sent(&mut self, to: u64, generation: u32, message: Bytes) {
        self.at(Event::Sent(SentMessage { destination: ChainId(to), generation, message }));
    }

    fn open(&mut self, to: u64, generation: u32, outbound: LaneId) {
        let inbound = lane(to, generation).reversed().id();
        let (remote_chain, remote_gateway) = (ChainId(to), B256::repeat_byte(3));
        self.at(Event::LaneOpened(LaneOpened {
            remote_chain,
            remote_gateway,
            generation,
            outbound,
            inbound,
        }));
    }

    fn tell(&mut self, told: &Told) {
        self.block += 1;
        let of = |to: u8| u64::from(to) % CHAINS + 2;
        match *told {
            Told::Open { to, generation } => {
                // One of the next generations, or the one that is open.
                let generation = self.generation(of(to)) + u32::from(generation % 4);
                let to = of(to);
                self.open(to, generation, lane(to, generation).id());
                self.contradicts |= self.lanes.get(&to).is_some_and(|open| open.0 >= generation);
                self.lanes.insert(to, (generation, Vec::new()));
            }
            Told::End { to, generation } => {
                // Mostly the one that is open.
                let generation = self.generation(of(to)) + u32::from(generation.saturating_sub(250));
                let to = of(to);
                let ends = lane(to, generation);
                self.at(Event::LaneEnded(LaneEnded {
                    remote_chain: ChainId(to),
                    generation,
                    outbound: ends.id(),
                    inbound: ends.reversed().id(),
                    outbox_nonce: 0,
                    inbox: B256::ZERO,
                }));
                self.contradicts |= self.lanes.remove(&to).is_none_or(|open| open.0 != generation);
            }
            Told::Send { to, count, to_a_block } if self.lanes.contains_key(&of(to)) => {
                for step in 0..count {
                    if to_a_block > 0 && step % to_a_block == 0 {
                        self.block += 1;
                    }
                    let nonce = self.lanes[&of(to)].1.len() as u64 + 1;
                    self.message(of(to), self.generation(of(to)), message(nonce), nonce);
                }
            }
            Told::Odd { to, generation, nonce, cut } => {
                let encoded = message(nonce);
                match cut {
                    Some(length) if usize::from(length) < encoded.len() => {
                        self.sent(of(to), generation.into(), encoded.slice(..usize::from(length)));
                        self.contradicts = true;
                    }
                    _ => self.message(of(to), generation.into(), encoded, nonce),
                }
            }
            Told::Forged { to, generation, lane: other } => {
                self.open(of(to), generation.into(), LaneId(B256::repeat_byte(other)));
                self.contradicts = true;
            }
            Told::Send { .. } => {}
            Told::Skip(blocks) => self.block += u64::from(blocks),
            Told::Elsewhere => self.sent(99, 1, message(7)),
        }
    }

    fn message(&mut self, to: u64, generation: u32, encoded: Bytes, nonce: u64) {
        let leaf = keccak256(&encoded);
        self.sent(to, generation, encoded);
        match self.lanes.get_mut(&to) {
            Some((open, sent)) if *open == generation && sent.len() as u64 + 1 == nonce => {
                sent.push((self.block, leaf));
            }
            _ => self.contradicts = true,
        }
    }

    /// The sign points, by their definition, and the accumulators there.
    fn checkpoints(&self) -> Vec<Checkpoint> {
        let mut all = Vec::new();
        for (to, (generation, sent)) in &self.lanes {
            let lane = lane(*to, *generation).id();
            for (place, (block, _)) in sent.iter().enumerate() {
                let nonce = place as u64 + 1;
                let last_of_block = sent.get(place + 1).is_none_or(|next| next.0 != *block);
                if last_of_block || nonce % SIGN_INTERVAL == 0 {
                    let accumulator = fold_all(lane.0, sent[..=place].iter().map(|(_, leaf)| *leaf));
                    all.push(Checkpoint { lane, nonce, accumulator });
                }
            }
        }
        all
    }
}

fn folded(told: &[Told], cut: u8) {
    let mut telling = Telling::default();
    let mut cut_at = 0;
    for (step, event) in told.iter().take(48).enumerate() {
        telling.tell(event);
        if step == usize::from(cut) {
            cut_at = telling.block;
        }
    }
    let destinations: BTreeSet<ChainId> = (2..2 + CHAINS).map(ChainId).collect();
    let start = || Fold::new(SOURCE, ChainState::default(), destinations.clone());
    let mut whole = start();
    let end = telling.block + 1;
    let outcome = whole.extend(&telling.events, end);
    assert_eq!(outcome.is_err(), telling.contradicts, "{outcome:?} {:?}", telling.events);
    if outcome.is_err() {
        return;
    }
    let (state, checkpoints) = whole.finish();
    assert_eq!(checkpoints, telling.checkpoints());
    let distinct: BTreeSet<_> = checkpoints.iter().map(|one| (one.lane, one.nonce)).collect();
    assert_eq!(distinct.len(), checkpoints.len(), "two checkpoints for one nonce");
    assert_eq!(state.lanes.len(), telling.lanes.len());
    for (to, (generation, sent)) in &telling.lanes {
        let kept = state.lanes[&ChainId(*to)];
        assert_eq!((kept.generation, kept.nonce), (*generation, sent.len() as u64));
        assert_eq!(kept.accumulator, fold_all(kept.lane.0, sent.iter().map(|(_, leaf)| *leaf)));
    }

    let (before, after) =
        telling.events.split_at(telling.events.partition_point(|event| event.at.block.number <= cut_at));
    let mut ranges = start();
    assert_eq!(ranges.extend(before, cut_at), Ok(()));
    assert_eq!(ranges.extend(after, end), Ok(()));
    assert_eq!(ranges.finish(), (state.clone(), checkpoints), "ranges make no difference");

    progress(&serde_json::to_vec(&state).expect("a state can be written"));
}

/// What the journal keeps of a chain, as it is read at the start.
fn progress(bytes: &[u8]) {
    let Ok(state) = serde_json::from_slice::<ChainState>(bytes) else { return };
    let text = serde_json::to_vec(&state).expect("a state can be written");
    assert_eq!(serde_json::from_slice::<ChainState>(&text).expect("and read"), state);
}

/// Batches in whatever order: the first accumulator of a nonce stays, and a batch with another leaves nothing behind.
fn journal(batches: &[Vec<Record>]) {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let folder = folder.expect("a folder");
    let path = folder.path().join("journal");
    let mut known: HashMap<(LaneId, u64), B256> = HashMap::new();
    let mut kept = None;
    for (step, batch) in batches.iter().take(6).enumerate() {
        // Opened again each time: what counts is what is on the disk.
        let journal = Journal::open(&path, "fuzz").expect("a journal");
        assert_eq!(journal.progress(ChainId(1)).expect("the progress"), kept);
        let checkpoints: Vec<Checkpoint> = batch.iter().map(Record::checkpoint).collect();
        let mut next = known.clone();
        let fits = checkpoints
            .iter()
            .all(|one| *next.entry((one.lane, one.nonce)).or_insert(one.accumulator) == one.accumulator);
        let state = ChainState { block: step as u64, lanes: BTreeMap::new() };
        assert_eq!(journal.record(ChainId(1), &state, &checkpoints).is_ok(), fits);
        if fits {
            (known, kept) = (next, Some(state));
        }
        for name in 0..2 {
            let lane = LaneId(B256::repeat_byte(name));
            for recorded in journal.recorded(lane, 0, 1000).expect("what was recorded") {
                assert_eq!(known.get(&(lane, recorded.nonce)), Some(&recorded.accumulator));
            }
            let count = journal.recorded(lane, 0, 1000).expect("what was recorded").len();
            assert_eq!(count, known.keys().filter(|(of, _)| *of == lane).count());
        }
    }
}

impl Record {
    fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            lane: LaneId(B256::repeat_byte(self.lane % 2)),
            nonce: u64::from(self.nonce % 8),
            accumulator: B256::repeat_byte(self.accumulator % 3),
        }
    }
}
