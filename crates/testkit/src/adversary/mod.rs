//! A randomised adversary of one validator. It owns all but one of the validator's endpoints and up to a third of its peers,
//! may cut the honest endpoint off, and answers each call, method and height as it likes: truly, from a fork of its own
//! making, late, not at all, or otherwise than a moment ago. Everything the validator runs is what is shipped, but for the
//! wires: real headers, real proofs, the real prover, watcher and journal, in virtual time. One seed is one schedule.
//!
//! Whatever it does, nothing may be signed that is not on the true chain, or not final there; and when it stops, signing
//! must go on.

mod chain;
mod node;
mod peers;
mod plan;
mod schedule;

pub use schedule::{Failure, Outcome, run};

use std::{ops::Range, sync::Mutex, thread};

/// What a campaign has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Schedules run.
    pub schedules: u64,
    /// Checkpoints signed in all of them.
    pub signed: u64,
    /// Calls answered from a fork.
    pub lies: u64,
}

/// Runs a schedule for each seed, on all cores.
///
/// # Errors
/// The first failure; its seed makes it happen again.
pub fn campaign(seeds: Range<u64>) -> Result<Stats, Failure> {
    let next = Mutex::new(seeds);
    let outcome: Mutex<Result<Stats, Failure>> = Mutex::new(Ok(Stats::default()));
    let worker = || {
        loop {
            let Some(seed) = next.lock().ok().and_then(|mut next| next.next()) else { return };
            let run = run(seed);
            let Ok(mut outcome) = outcome.lock() else { return };
            match (&mut *outcome, run) {
                (Ok(stats), Ok(one)) => {
                    stats.schedules += 1;
                    stats.signed += one.signed;
                    stats.lies += one.lies;
                }
                (outcome @ Ok(_), Err(failure)) => *outcome = Err(failure),
                (Err(_), _) => return,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
    outcome.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}
