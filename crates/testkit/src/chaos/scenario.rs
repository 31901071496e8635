//! What a scenario is, and the world it happens to.

use std::time::Duration;

use async_trait::async_trait;
use icc_devnet::{Devnet, Role, wait_each_settled};
use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use tokio::time::{Instant, sleep};

use crate::{load::Load, scene::PATIENCE};

/// How much of a scenario is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// A few faults: seconds, for `make test`.
    Short,
    /// All of it: minutes.
    Full,
}

/// A fault, or many of one kind, while transfers flow.
#[async_trait(?Send)]
pub trait Scenario {
    /// Its name, as it is given to the command.
    fn name(&self) -> &'static str;

    /// What it does, in one line.
    fn what(&self) -> &'static str;

    /// Deposits a second while it runs, over all lanes.
    fn load(&self) -> f64 {
        4.0
    }

    /// Whether it can run here; a reason if not. A scenario that is skipped is said to be.
    fn skip(&self) -> Option<String> {
        None
    }

    /// Whether the devnet is not to be used on, although all held: its clocks are not the world's any more.
    fn spoils(&self) -> bool {
        false
    }

    /// Does it. All processes must run again when it returns; the audit follows.
    ///
    /// # Errors
    /// If what must hold during the fault does not.
    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()>;
}

/// What a scenario happens to.
pub struct World<'a> {
    /// The network.
    pub devnet: &'a mut Devnet,
    /// What deposits meanwhile; also an account with tokens on all chains.
    pub load: &'a Load,
    /// Seeded: the same seed makes the same choices.
    pub random: StdRng,
    /// How much to do.
    pub scale: Scale,
    /// Loops end here.
    pub until: Instant,
    faults: u64,
}

impl<'a> World<'a> {
    pub(crate) fn new(
        devnet: &'a mut Devnet,
        load: &'a Load,
        random: StdRng,
        scale: Scale,
        until: Instant,
    ) -> Self {
        Self { devnet, load, random, scale, until, faults: 0 }
    }

    /// One of two numbers, by the scale.
    pub fn scaled<T>(&self, short: T, full: T) -> T {
        match self.scale {
            Scale::Short => short,
            Scale::Full => full,
        }
    }

    /// Counts a fault, for the table.
    pub fn fault(&mut self) {
        self.faults += 1;
    }

    /// Faults so far.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// Whether a loop has time for another turn.
    pub fn has_time(&self) -> bool {
        Instant::now() < self.until
    }

    /// Waits for a random time up to `most`.
    pub async fn pause_up_to(&mut self, most: Duration) {
        let milliseconds = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        let pause = self.random.random_range(0..=milliseconds);
        sleep(Duration::from_millis(pause)).await;
    }

    /// Sends no load to a chain any more, and waits until what was on its way has arrived: for faults that stop the chain's
    /// blocks and look for one transaction among those that wait.
    ///
    /// # Errors
    /// If it does not arrive.
    pub async fn spare(&mut self, chain: usize) -> eyre::Result<()> {
        self.load.spare(Some(chain));
        // For deposits that are being made.
        sleep(Duration::from_secs(1)).await;
        wait_each_settled(self.devnet, PATIENCE).await
    }

    /// Any process of the bridge.
    pub fn any_role(&mut self) -> Role {
        let roles: Vec<Role> = self.devnet.processes.keys().copied().collect();
        *roles.choose(&mut self.random).unwrap_or(&Role::Indexer)
    }

    /// What a process has written to its log since `from` (bytes); 0: from its first start.
    ///
    /// # Errors
    /// If there is no such process or its log cannot be read.
    pub fn log(&mut self, role: Role, from: u64) -> eyre::Result<String> {
        let text = std::fs::read(self.devnet.process(role)?.log())?;
        let from = usize::try_from(from)?.min(text.len());
        Ok(String::from_utf8_lossy(&text[from..]).into_owned())
    }

    /// How long a process's log is.
    ///
    /// # Errors
    /// As [`World::log`].
    pub fn log_length(&mut self, role: Role) -> eyre::Result<u64> {
        Ok(std::fs::metadata(self.devnet.process(role)?.log())?.len())
    }

    /// Waits until a process says something, in what it logs from `from` on.
    ///
    /// # Errors
    /// If it does not within `patience`; with the end of what it said instead.
    pub async fn until_said(
        &mut self,
        role: Role,
        from: u64,
        words: &str,
        patience: Duration,
    ) -> eyre::Result<()> {
        let began = Instant::now();
        loop {
            let said = self.log(role, from)?;
            if said.contains(words) {
                return Ok(());
            }
            if began.elapsed() > patience {
                let lines: Vec<&str> = said.lines().collect();
                let last = lines[lines.len().saturating_sub(6)..].join("\n");
                eyre::bail!("{role:?} has not said {words:?} within {patience:?}, but:\n{last}");
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}
