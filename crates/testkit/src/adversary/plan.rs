//! What the adversary's endpoints say for a while: drawn anew for every phase of a schedule.

use std::ops::RangeInclusive;

use rand::{Rng, rngs::StdRng};

use super::chain::World;

/// A block that is named for a tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) chain: usize,
    pub(super) at: Height,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Height {
    /// What is final in truth.
    Final,
    /// So many below the tip of the named chain.
    BelowTip(u64),
    /// Always the same.
    Fixed(u64),
}

impl Named {
    pub(super) fn height(&self, world: &World) -> u64 {
        match self.at {
            Height::Final => world.finalized.min(world.tip(self.chain)),
            Height::BelowTip(depth) => world.tip(self.chain).saturating_sub(depth),
            Height::Fixed(height) => height.min(world.tip(self.chain)),
        }
    }
}

/// What is said of each kind of question.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) finalized: Named,
    pub(super) latest: Named,
    /// Up to this height blocks are the first chain's, above it the second's.
    pub(super) by_number: (u64, usize, usize),
    pub(super) refused_numbers: Option<RangeInclusive<u64>>,
    pub(super) refused_hashes: Option<RangeInclusive<u64>>,
    pub(super) refused_proofs: Option<RangeInclusive<u64>>,
    /// The chain whose events are told.
    pub(super) events: usize,
    /// How often a call is answered in another way, in percent.
    pub(super) noise: u32,
}

fn named(random: &mut StdRng, world: &World, chains: &[usize], usual: Height) -> Named {
    let chain = chains[random.random_range(0..chains.len())];
    let at = match random.random_range(0..6) {
        0..3 => usual,
        3 => Height::BelowTip(random.random_range(0..4)),
        4 => Height::Fixed(random.random_range(0..=world.tip(chain))),
        _ => Height::Final,
    };
    Named { chain, at }
}

/// A few heights around what is final and the tip.
fn heights(random: &mut StdRng, world: &World) -> Option<RangeInclusive<u64>> {
    random.random_bool(0.4).then(|| {
        let first = random.random_range(world.finalized.saturating_sub(4)..=world.tip(0) + 2);
        first..=first + random.random_range(0..6)
    })
}

impl Plan {
    /// As a node of the true chain.
    pub(super) fn honest() -> Self {
        Self {
            finalized: Named { chain: 0, at: Height::Final },
            latest: Named { chain: 0, at: Height::BelowTip(0) },
            by_number: (u64::MAX, 0, 0),
            refused_numbers: None,
            refused_hashes: None,
            refused_proofs: None,
            events: 0,
            noise: 0,
        }
    }

    /// Any. Mostly it serves one fork, made for this phase, in some of its answers and the true chain in the others.
    pub(super) fn draw(random: &mut StdRng, world: &mut World) -> Self {
        if random.random_bool(0.15) {
            return Self { noise: random.random_range(0..30), ..Self::honest() };
        }
        let from = random.random_range(world.finalized.saturating_sub(6)..=world.tip(0));
        let length = random.random_range(1..8);
        let messages: Vec<u64> = (0..length).map(|_| random.random_range(0..3)).collect();
        let fork = if world.chains.len() > 1 && random.random_bool(0.4) {
            random.random_range(1..world.chains.len())
        } else {
            world.fork(from, &messages)
        };
        let mut chain = || if random.random_bool(0.5) { fork } else { 0 };
        let (low, high, events) = (chain(), chain(), chain());
        let limit = match random.random_range(0..3) {
            0 => world.tip(fork),
            1 => u64::MAX,
            _ => random.random_range(0..=world.tip(0) + 2),
        };
        Self {
            finalized: named(random, world, &[0, fork], Height::Final),
            latest: named(random, world, &[0, fork], Height::BelowTip(0)),
            by_number: (limit, low, high),
            refused_numbers: heights(random, world),
            refused_hashes: heights(random, world),
            refused_proofs: heights(random, world),
            events,
            noise: [0, 0, 3, 20][random.random_range(0..4)],
        }
    }

    pub(super) fn chain_at(&self, height: u64) -> usize {
        let (limit, low, high) = self.by_number;
        if height <= limit { low } else { high }
    }
}

/// Whether a height is refused.
pub(super) fn refuses(range: &Option<RangeInclusive<u64>>, height: u64) -> bool {
    range.as_ref().is_some_and(|range| range.contains(&height))
}
