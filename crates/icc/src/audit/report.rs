//! What an audit found, for people and for programs.

use alloy_primitives::{Address, B256};
use serde::Serialize;

/// Most findings of a kind that are told; the rest are counted.
const MAX_TOLD: usize = 200;

/// What it comes to. The order is that of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is as it must be.
    Whole,
    /// It is, as far as it goes: something is on its way still.
    Unsettled,
    /// Something could not be read, so that nothing is known of it.
    Unreadable,
    /// Something is as it must not be.
    Violated,
}

/// A lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LaneLine {
    pub(crate) lane: B256,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) generation: u32,
    pub(crate) ended: bool,
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
    /// Of the delivered: their call has run.
    pub(crate) executed: u64,
    /// Of the delivered: recorded, and wait for execution or refund.
    pub(crate) waiting: u64,
    /// Of the delivered: a refund has left for them.
    pub(crate) refunded: u64,
    /// Of the delivered: struck by the owner.
    pub(crate) struck: u64,
    /// Of the executed: their tokens wait above the rate limit.
    pub(crate) queued: u64,
    /// Of a closed lane: left again in a later generation.
    pub(crate) resent: u64,
    pub(crate) in_flight: u64,
}

/// A token on one of the chains that it was registered on, against what its home counts. In units of the home token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RemoteLine {
    pub(crate) chain: String,
    /// What home counts for it.
    pub(crate) held: String,
    /// Absent: an issuer's token, or a chain that is not configured.
    pub(crate) supply: Option<String>,
    /// In its queue, or to be claimed.
    pub(crate) waiting: String,
    /// On the way to it or back.
    pub(crate) in_flight: String,
    /// Struck on the way, or in a queue.
    pub(crate) struck: String,
}

/// A token, at home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TokenLine {
    pub(crate) token_id: B256,
    pub(crate) home: String,
    pub(crate) address: Address,
    /// What the vault has; absent: an issuer's token, which has no vault.
    pub(crate) escrow: Option<String>,
    /// Of it, what waits in the queue or to be claimed at home.
    pub(crate) waiting: String,
    /// Of it, what nobody is owed: sent to the vault without a deposit.
    pub(crate) surplus: String,
    pub(crate) remotes: Vec<RemoteLine>,
}

/// A validator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ValidatorLine {
    pub(crate) url: String,
    pub(crate) address: Address,
    /// Signatures that it serves, each checked.
    pub(crate) signatures: u64,
    pub(crate) wrong: u64,
}

/// The leases of the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct LeaseLine {
    pub(crate) leases: u64,
    /// Terms that are remembered.
    pub(crate) terms: u64,
    pub(crate) held_twice: u64,
}

/// Everything.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) whole: bool,
    pub(crate) settled: bool,
    /// Name and block of each chain.
    pub(crate) chains: Vec<(String, u64)>,
    pub(crate) lanes: Vec<LaneLine>,
    pub(crate) tokens: Vec<TokenLine>,
    pub(crate) validators: Vec<ValidatorLine>,
    pub(crate) leases: Option<LeaseLine>,
    pub(crate) violations: Vec<String>,
    pub(crate) unreadable: Vec<String>,
    /// What is on its way or waits.
    pub(crate) pending: Vec<String>,
    pub(crate) notes: Vec<String>,
    /// A destination was seen ahead of its source: look again.
    #[serde(skip)]
    pub(crate) torn: bool,
}

impl Report {
    pub(crate) fn verdict(&self) -> Verdict {
        if !self.violations.is_empty() {
            Verdict::Violated
        } else if !self.unreadable.is_empty() {
            Verdict::Unreadable
        } else if !self.pending.is_empty() {
            Verdict::Unsettled
        } else {
            Verdict::Whole
        }
    }

    /// Says what it comes to, and shortens what is too long to be told.
    pub(crate) fn close(&mut self) {
        self.whole = self.violations.is_empty() && self.unreadable.is_empty();
        self.settled = self.pending.is_empty();
        for list in [&mut self.violations, &mut self.unreadable, &mut self.pending, &mut self.notes] {
            if list.len() > MAX_TOLD {
                let more = list.len() - MAX_TOLD;
                list.truncate(MAX_TOLD);
                list.push(format!("and {more} more"));
            }
        }
    }

    /// For people.
    pub(crate) fn text(&self, settled_asked: bool) -> String {
        let mut parts = Vec::new();
        let chains = self.chains.iter().map(|(name, block)| format!("{name} at block {block}"));
        parts.push(format!("chains: {}", chains.collect::<Vec<_>>().join(", ")));
        parts.push(self.lanes_text());
        parts.push(self.tokens_text());
        if !self.validators.is_empty() {
            parts.push(self.validators_text());
        }
        if let Some(LeaseLine { leases, terms, held_twice }) = &self.leases {
            parts.push(format!("leases: {leases}, {terms} terms, {held_twice} held twice"));
        }
        for (what, list) in [
            ("note", &self.notes),
            ("pending", &self.pending),
            ("UNREADABLE", &self.unreadable),
            ("VIOLATION", &self.violations),
        ] {
            parts.extend(list.iter().map(|text| format!("{what}: {text}")));
        }
        parts.push(
            match self.verdict() {
                Verdict::Whole => "audit: whole",
                Verdict::Unsettled if settled_asked => "audit: not settled",
                Verdict::Unsettled => "audit: whole, with messages on their way",
                Verdict::Unreadable => "audit: not everything could be read",
                Verdict::Violated => "audit: violated",
            }
            .to_owned(),
        );
        parts.join("\n")
    }

    fn lanes_text(&self) -> String {
        let head = "lane sent delivered executed waiting refunded struck queued resent in-flight";
        let mut rows: Vec<Vec<String>> = vec![head.split(' ').map(str::to_owned).collect()];
        for lane in &self.lanes {
            let ended = if lane.ended { ", closed" } else { "" };
            let mut row = vec![format!("{} → {} ({}{ended})", lane.from, lane.to, lane.generation)];
            row.extend(
                [
                    lane.sent,
                    lane.delivered,
                    lane.executed,
                    lane.waiting,
                    lane.refunded,
                    lane.struck,
                    lane.queued,
                    lane.resent,
                    lane.in_flight,
                ]
                .map(|number| number.to_string()),
            );
            rows.push(row);
        }
        table(&rows)
    }

    fn tokens_text(&self) -> String {
        let mut rows = vec![
            ["token", "chain", "escrow/held", "supply", "waiting", "in-flight", "struck"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for token in &self.tokens {
            let surplus =
                if token.surplus == "0" { String::new() } else { format!(" (+{} of nobody)", token.surplus) };
            let escrow = token.escrow.clone().unwrap_or_else(|| "issuer's".to_owned());
            let (home, waiting) = (format!("{} (home)", token.home), token.waiting.clone());
            rows.push(vec![
                format!("{}", token.address),
                home,
                escrow + &surplus,
                String::new(),
                waiting,
                String::new(),
                String::new(),
            ]);
            for remote in &token.remotes {
                let supply = remote.supply.clone().unwrap_or_else(|| "not counted".to_owned());
                let cells = [&remote.chain, &remote.held, &supply, &remote.waiting, &remote.in_flight];
                let mut row = vec![String::new()];
                row.extend(cells.into_iter().cloned());
                row.push(remote.struck.clone());
                rows.push(row);
            }
        }
        table(&rows)
    }

    fn validators_text(&self) -> String {
        let mut rows = vec![["validator", "at", "signatures", "wrong"].map(str::to_owned).to_vec()];
        for line in &self.validators {
            rows.push(vec![
                line.address.to_string(),
                line.url.clone(),
                line.signatures.to_string(),
                line.wrong.to_string(),
            ]);
        }
        table(&rows)
    }
}

/// Columns under each other; the first to the left, the others to the right.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
