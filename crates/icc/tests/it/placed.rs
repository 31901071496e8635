//! Liars, placed at the endpoints that validators ask, and whether validators name them.

use std::{collections::BTreeMap, sync::Arc};

use icc_testkit::{Honest, Liar};

use crate::{
    proxied::{Proxied, VALIDATORS, eventually, log, metric},
    shared::Bridge,
};

/// How validators tell that an endpoint is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// What it says is not so.
    Disagreement,
    /// It gives no answer, or none that is JSON-RPC, or not in time.
    Absence,
    /// What it says can be the word of an honest node that is ahead of the others.
    Nothing,
}

/// An endpoint of each validator that does something else than it should.
pub struct Case {
    pub name: &'static str,
    /// Makes one for a validator.
    liar: Box<dyn Fn() -> Arc<dyn Liar>>,
    /// Whoever is asked this is the liar: elsewhere, nobody would listen to it.
    at: &'static str,
    seen: Seen,
}

impl Case {
    pub fn new<L: Liar + 'static>(
        name: &'static str,
        at: &'static str,
        seen: Seen,
        make: impl Fn() -> L + 'static,
    ) -> Self {
        Self { name, liar: Box::new(move || Arc::new(make())), at, seen }
    }
}

/// How many of the four validators have a liar at the same time: the other two still hear the same from all of their
/// endpoints, and more than a third of each one's peers can vouch. With more, signing stops, as nobody could tell three
/// validators with a liar from three whose majority is poisoned.
const LIARS: usize = VALIDATORS / 2;

/// One endpoint of some validators to a chain, which lies.
pub struct Lying<'a> {
    pub case: &'a Case,
    pub proxied: Proxied,
    /// Of each validator that has one.
    placed: BTreeMap<usize, Option<Placed>>,
}

/// Where a liar is.
#[derive(Debug, Clone, Copy)]
struct Placed {
    endpoint: usize,
    /// How often the validator had accused the endpoint before.
    accused: f64,
}

impl<'a> Lying<'a> {
    /// A case, before the endpoints of a chain; placed nowhere yet. `first` is the first of the validators that have a liar.
    pub async fn before(bridge: &Bridge, chain: usize, first: usize, case: &'a Case) -> Self {
        let placed = (first..first + LIARS).map(|validator| (validator % VALIDATORS, None));
        Self { case, proxied: Proxied::before(bridge, chain).await, placed: placed.collect() }
    }

    /// The validators that have not heard yet what their liar has to say.
    pub fn silent(&self) -> Vec<usize> {
        let silent = self
            .placed
            .iter()
            .filter(|(validator, at)| at.is_none_or(|at| self.proxied.lies(**validator, at.endpoint) == 0));
        silent.map(|(validator, _)| *validator).collect()
    }

    /// Puts the liars of those that have not heard theirs where they are asked now.
    pub async fn place(&mut self, bridge: &Bridge) {
        let silent = self.silent();
        if silent.is_empty() {
            return;
        }
        let asked = self.proxied.preferred(bridge, self.case.at, &silent).await;
        for (validator, endpoint) in silent.into_iter().zip(asked) {
            let before = self.placed[&validator];
            if before.is_some_and(|before| before.endpoint == endpoint) {
                continue;
            }
            if let Some(before) = before {
                self.proxied.set(validator, before.endpoint, Arc::new(Honest));
            }
            let name = self.proxied.name(bridge, validator, endpoint);
            let accused = accusations(bridge, validator, &name, self.case.seen).await;
            self.placed.insert(validator, Some(Placed { endpoint, accused }));
            self.proxied.set(validator, endpoint, (self.case.liar)());
        }
    }

    /// Every validator that has a liar names it.
    pub async fn are_named(&self, bridge: &mut Bridge) {
        for (&validator, placed) in &self.placed {
            let placed = placed.unwrap();
            let name = self.proxied.name(bridge, validator, placed.endpoint);
            let what = format!("{} at validator {validator} ({name})", self.case.name);
            if self.case.seen == Seen::Nothing {
                continue;
            }
            eventually(&format!("{what} is named by metric"), async || {
                accusations(bridge, validator, &name, self.case.seen).await > placed.accused
            })
            .await;
            // A validator repeats a line at most every half minute: it may be from a round before.
            eventually(&format!("{what} is named by log"), async || {
                log(bridge, validator).lines().any(|line| line.contains("WARN") && line.contains(&name))
            })
            .await;
        }
    }
}

/// How often a validator has counted what an endpoint did.
async fn accusations(bridge: &Bridge, validator: usize, endpoint: &str, seen: Seen) -> f64 {
    let label = format!("endpoint=\"{endpoint}\"");
    let name = match seen {
        Seen::Disagreement => "icc_rpc_disagreements_total",
        Seen::Absence => "icc_rpc_absences_total",
        Seen::Nothing => return 0.0,
    };
    metric(bridge, validator, name, &[label]).await
}
