//! A lane's fold under whatever an endpoint tells, in whatever order, and the journal under whatever batches. A second,
//! simple account says what the outcome must be; never is an accumulator made that is not the lane's.
#![no_main]

use std::{collections::HashMap, path::PathBuf};

use alloy_primitives::{B256, Bytes, keccak256};
use arbitrary::{Arbitrary, Unstructured};
use icc_chain::{BlockRef, Event, EventAt, LocatedEvent, SentMessage};
use icc_lane::{LaneFold, Place, sign_points_between};
use icc_protocol::{ChainId, Checkpoint, Kind, LaneId, Message, SIGN_INTERVAL, fold_all};
use icc_validator::{ChainState, Journal};
use libfuzzer_sys::fuzz_target;

const LANE: LaneId = LaneId(B256::repeat_byte(7));
const THERE: ChainId = ChainId(2);

/// What an endpoint tells, in few bytes: mostly what fits, so that runs get long.
#[derive(Arbitrary, Debug, Clone)]
enum Told {
    /// The next `count` messages, so many to a block.
    Send { count: u8, to_a_block: u8 },
    /// A message that may not fit.
    Odd { nonce: u16, generation: u8, text: u8, cut: Option<u8> },
    /// The last message again.
    Again,
    Elsewhere,
    Skip(u8),
}

#[derive(Arbitrary, Debug)]
struct Record {
    lane: u8,
    nonce: u8,
    accumulator: u8,
}

#[derive(Arbitrary, Debug)]
enum Input {
    /// From a nonce to a nonce, whether nothing comes after it, and after how many events the range is cut.
    Fold { told: Vec<Told>, from: u8, to: u16, end: bool, cut: u8 },
    Between { from: u8, to: u8, altered: Option<u8> },
    Progress(Vec<u8>),
    Journal(Vec<Vec<Record>>),
}

fuzz_target!(|data: &[u8]| {
    match Input::arbitrary_take_rest(Unstructured::new(data)) {
        Ok(Input::Fold { told, from, to, end, cut }) => folded(&told, (from.into(), to.into()), end, cut),
        Ok(Input::Between { from, to, altered }) => between(from.into(), to.into(), altered),
        Ok(Input::Progress(bytes)) => progress(&bytes),
        Ok(Input::Journal(batches)) => journal(&batches),
        Err(_) => {}
    }
});

fn message(nonce: u64, text: u8) -> Bytes {
    let message = Message {
        kind: Kind::Call,
        nonce,
        deadline: 0,
        gas_limit: 0,
        sender: B256::ZERO,
        recipient: B256::ZERO,
        payload: vec![text].into(),
    };
    message.encode().into()
}

/// The lane's own accumulators.
fn place(nonce: u64) -> Place {
    let leaves = (1..=nonce).map(|nonce| keccak256(message(nonce, 0)));
    Place { nonce, accumulator: fold_all(LANE.0, leaves) }
}

fn sent(block: u64, generation: u32, message: Bytes, to: ChainId) -> LocatedEvent {
    let at = BlockRef { number: block, hash: B256::ZERO };
    let event = Event::Sent(SentMessage { destination: to, generation, message });
    LocatedEvent { at: EventAt { block: at, transaction: B256::ZERO, log_index: 0 }, event }
}

fn events(told: &[Told]) -> (Vec<LocatedEvent>, u64) {
    let (mut events, mut block, mut nonce) = (Vec::new(), 1, 0);
    for one in told.iter().take(32) {
        match *one {
            Told::Send { count, to_a_block } => {
                for step in 0..count {
                    if to_a_block > 0 && step % to_a_block == 0 {
                        block += 1;
                    }
                    nonce += 1;
                    events.push(sent(block, 1, message(nonce, 0), THERE));
                }
            }
            Told::Odd { nonce, generation, text, cut } => {
                let encoded = message(nonce.into(), text);
                let length = cut.map_or(encoded.len(), |cut| usize::from(cut).min(encoded.len()));
                events.push(sent(block, generation.into(), encoded.slice(..length), THERE));
            }
            Told::Again => events.extend(events.last().cloned()),
            Told::Elsewhere => events.push(sent(block, 1, message(7, 0), ChainId(99))),
            Told::Skip(blocks) => block += u64::from(blocks),
        }
    }
    (events, block)
}

fn folded(told: &[Told], (from, to): (u64, u64), end: bool, cut: u8) {
    let to = to.min(2048);
    if from >= to {
        return;
    }
    let (events, last) = events(told);
    let start = || {
        let fold = LaneFold::new(LANE, (THERE, 1), place(from), place(to));
        if end { fold.to_the_end() } else { fold }
    };
    let mut whole = start();
    let extended = whole.extend(&events, (1, last));
    let outcome = extended.and_then(|()| whole.clone().finish());
    if let Ok(checkpoints) = &outcome {
        assert!(whole.is_done());
        assert_eq!(checkpoints.last().map(|one| one.nonce), Some(to), "the goal is a sign point");
        assert!(checkpoints.is_sorted_by(|one, next| one.nonce < next.nonce), "one for each nonce");
        for one in checkpoints {
            assert!(from < one.nonce && one.accumulator == place(one.nonce).accumulator, "{one:?} is not the lane's");
        }
        let due = (from + 1..=to).filter(|nonce| nonce.is_multiple_of(SIGN_INTERVAL));
        for nonce in due {
            assert!(checkpoints.iter().any(|one| one.nonce == nonce), "{nonce} is missing");
        }
    }
    // In two ranges it comes to the same, if the cut is between two blocks.
    let cut = u64::from(cut);
    let (before, after) = events.split_at(events.partition_point(|event| event.at.block.number <= cut));
    let mut ranges = start();
    let first = ranges.extend(before, (1, cut.max(1)));
    let second = first.and_then(|()| ranges.extend(after, (cut + 1, last.max(cut + 1))));
    let in_ranges = second.and_then(|()| ranges.finish());
    if outcome.is_ok() && cut >= 1 {
        assert_eq!(in_ranges.ok(), outcome.ok(), "ranges make no difference");
    }
}

fn between(from: u64, to: u64, altered: Option<u8>) {
    if from >= to {
        return;
    }
    let mut leaves: Vec<B256> = (from + 1..=to).map(|nonce| keccak256(message(nonce, 0))).collect();
    let altered = altered.map(usize::from).filter(|altered| *altered < leaves.len());
    if let Some(altered) = altered {
        leaves[altered] = B256::repeat_byte(1);
    }
    let between = sign_points_between(LANE, place(from), place(to), &leaves);
    assert_eq!(between.is_err(), altered.is_some());
    for one in between.into_iter().flatten() {
        assert_eq!(one.accumulator, place(one.nonce).accumulator);
    }
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
    for batch in batches.iter().take(6) {
        // Opened again each time: what counts is what is on the disk.
        let journal = Journal::open(&path, "fuzz").expect("a journal");
        let checkpoints: Vec<Checkpoint> = batch.iter().map(Record::checkpoint).collect();
        let mut next = known.clone();
        let fits = checkpoints
            .iter()
            .all(|one| *next.entry((one.lane, one.nonce)).or_insert(one.accumulator) == one.accumulator);
        assert_eq!(journal.adopt(&checkpoints).is_ok(), fits);
        if fits {
            known = next;
        }
        for name in 0..2 {
            let lane = LaneId(B256::repeat_byte(name));
            let recorded = journal.recorded(lane, 0, 1000).expect("what was recorded");
            assert_eq!(recorded.len(), known.keys().filter(|(of, _)| *of == lane).count());
            for one in &recorded {
                assert_eq!(known.get(&(lane, one.nonce)), Some(&one.accumulator));
            }
            assert_eq!(journal.newest(lane).expect("the newest"), recorded.last().copied());
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
