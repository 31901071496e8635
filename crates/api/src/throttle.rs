//! Keeps what one signer can cost within bounds: the same words again cost nothing, and new ones are let through no faster
//! than any honest validator signs.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy_primitives::Address;
use icc_attest::Attestation;
use tokio::time::Instant;

/// Attestations of one signer a second that are pushed to a core, lastingly. At 2,500 transfers a second a validator signs
/// about 50.
const PER_SECOND: f64 = 100.0;
/// And at once, after a pause.
const BURST: f64 = 2000.0;
/// Signers of whom is kept when they pushed; members of sets, at most 128 of each.
const MAX_SIGNERS: usize = 4096;
/// For how long a word that was dealt with is not looked at again. Not longer: a set may become smaller, and a known vote
/// complete a quorum.
const REMEMBERED: Duration = Duration::from_secs(3);
/// Words remembered; twice as many.
const MAX_WORDS: usize = 16_384;

/// What was pushed lately; shared by all clones.
#[derive(Clone, Default)]
pub(crate) struct Throttle(Arc<Mutex<State>>);

struct State {
    /// The words of this while and of the one before.
    words: [HashSet<Attestation>; 2],
    turned: Instant,
    /// What each signer may still push, and since when that is so.
    allowances: HashMap<Address, (f64, Instant)>,
}

impl Default for State {
    fn default() -> Self {
        Self { words: Default::default(), turned: Instant::now(), allowances: HashMap::new() }
    }
}

impl Throttle {
    /// Whether the very same was dealt with a moment ago.
    pub(crate) fn knows(&self, word: &Attestation) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.turn();
        state.words.iter().any(|words| words.contains(word))
    }

    /// Remembers what was dealt with.
    pub(crate) fn remember(&self, word: &Attestation) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.turn();
        state.words[0].insert(*word);
    }

    /// Whether a signer may push one more.
    pub(crate) fn lets_through(&self, signer: Address) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.allowances.len() >= MAX_SIGNERS {
            state.allowances.clear();
        }
        let now = Instant::now();
        let (left, since) = state.allowances.entry(signer).or_insert((BURST, now));
        *left = (*left + (now - *since).as_secs_f64() * PER_SECOND).min(BURST);
        *since = now;
        let through = *left >= 1.0;
        if through {
            *left -= 1.0;
        }
        through
    }
}

impl State {
    fn turn(&mut self) {
        if self.turned.elapsed() >= REMEMBERED || self.words[0].len() >= MAX_WORDS {
            self.words.swap(0, 1);
            self.words[0].clear();
            self.turned = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use icc_protocol::{CompactSignature, LaneId};

    use super::*;

    fn word(nonce: u64) -> Attestation {
        Attestation {
            lane: LaneId(B256::ZERO),
            nonce,
            accumulator: B256::ZERO,
            signature: CompactSignature([7; 64]),
        }
    }

    #[test]
    fn the_same_again_is_known_and_memory_is_bounded() {
        let throttle = Throttle::default();
        assert!(!throttle.knows(&word(1)));
        throttle.remember(&word(1));
        assert!(throttle.knows(&word(1)) && !throttle.knows(&word(2)));
        for nonce in 10..10 + 4 * MAX_WORDS as u64 {
            throttle.remember(&word(nonce));
        }
        assert!(!throttle.knows(&word(1)), "forgotten");
        let state = throttle.0.lock().unwrap();
        assert!(state.words.iter().map(HashSet::len).sum::<usize>() <= 2 * MAX_WORDS);
    }

    #[test]
    fn each_signer_has_an_allowance_of_its_own() {
        let throttle = Throttle::default();
        let (one, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let through = (0..10_000).filter(|_| throttle.lets_through(one)).count();
        assert!((2000..2500).contains(&through), "{through}");
        assert!(throttle.lets_through(other));
    }
}
