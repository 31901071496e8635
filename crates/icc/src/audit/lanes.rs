//! Is every message delivered or refunded exactly once? Facts in, findings out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alloy_primitives::{Address, B256, U256};
use icc_protocol::{ChainId, LaneId};

use crate::audit::{
    ledger::{Inbound, Ledger, Outbound},
    report::{LaneLine, Report},
    resent::{self, SentAgain},
    tokens,
};

/// A lane's outbox at the looked-at block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutboxAt {
    pub(crate) nonce: u64,
    pub(crate) accumulator: B256,
    /// Of a closed lane: up to where its messages have left again; zero: they have not been allowed to.
    pub(crate) resent_to: B256,
}

/// A token on one chain at the looked-at block.
#[derive(Debug, Clone, Default)]
pub(crate) struct TokenAt {
    /// As in ITokenBridge: 0 unknown, 1 vault, 2 wrapper, 3 and 4 an issuer's.
    pub(crate) kind: u8,
    pub(crate) local: Address,
    /// What the token bridge has of it.
    pub(crate) vault: U256,
    pub(crate) supply: U256,
    /// At home: what is counted for each other chain.
    pub(crate) held: BTreeMap<ChainId, u128>,
    pub(crate) queue: u128,
    pub(crate) claims: u128,
}

/// What a chain's contracts answer at the looked-at block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    pub(crate) outboxes: BTreeMap<LaneId, OutboxAt>,
    /// Of a closed lane, the last.
    pub(crate) inboxes: BTreeMap<LaneId, B256>,
    pub(crate) tokens: BTreeMap<B256, TokenAt>,
}

/// All chains that could be read, each at one final block.
pub(crate) struct Cut<'a> {
    pub(crate) chains: BTreeMap<ChainId, (&'a Ledger, &'a Answers)>,
}

/// Token, source, destination.
pub(crate) type Way = (B256, ChainId, ChainId);

/// What lanes hold besides what has arrived.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Tokens on their way: not delivered, or not executed.
    pub(crate) in_flight: BTreeMap<Way, U256>,
    /// Tokens of struck messages.
    pub(crate) struck: BTreeMap<Way, U256>,
}

impl<'a> Cut<'a> {
    pub(crate) fn ledger(&self, chain: ChainId) -> Option<&'a Ledger> {
        self.chains.get(&chain).map(|(ledger, _)| *ledger)
    }

    pub(crate) fn name(&self, chain: ChainId) -> String {
        self.ledger(chain).map_or_else(|| format!("chain {chain}"), |ledger| ledger.name.clone())
    }

    /// Where messages of these ids left.
    pub(crate) fn places(&self, ids: &BTreeSet<B256>) -> HashMap<B256, (LaneId, u64)> {
        let mut places = HashMap::new();
        for (ledger, _) in self.chains.values() {
            for (lane, outbound) in &ledger.outbound {
                for (index, left) in outbound.messages.iter().enumerate() {
                    if ids.contains(&left.id) {
                        places.insert(left.id, (*lane, index as u64 + 1));
                    }
                }
            }
        }
        places
    }
}

/// Judges lanes and tokens.
pub(crate) fn judge(cut: &Cut<'_>) -> Report {
    let mut report = Report::default();
    let mut held = Held::default();
    for (ledger, answers) in cut.chains.values() {
        report.chains.push((ledger.name.clone(), ledger.upto.number));
        report.violations.extend(ledger.contradictions.iter().cloned());
        for (id, outbound) in &ledger.outbound {
            let lane = LaneUnderAudit { cut, source: ledger, id: *id, outbound };
            let line = lane.judge(answers.outboxes.get(id).copied(), &mut report, &mut held);
            report.lanes.push(line);
        }
        for (id, inbound) in &ledger.inbound {
            if !cut.chains.contains_key(&inbound.from) {
                let (from, generation) = (inbound.from, inbound.generation);
                report.notes.push(format!(
                    "lane {id} (generation {generation}) from chain {from} to {}: its source was not read, so that what \
                     came from there could not be checked",
                    ledger.name
                ));
            }
        }
    }
    let queued: BTreeSet<B256> = cut
        .chains
        .values()
        .flat_map(|(ledger, _)| ledger.queue.values().map(|entry| entry.message))
        .collect();
    let followed =
        cut.chains.values().flat_map(|(ledger, _)| ledger.followed.iter().map(|next| next.message));
    let places = cut.places(&queued.iter().copied().chain(followed).collect());
    count_queued(cut, &places, &mut report);
    resent::refunds(cut, &mut report);
    resent::followed(cut, &places, &mut report);
    tokens::judge(cut, &held, &places, &mut report);
    report
}

/// Tokens in queues, by the lane that they came on.
fn count_queued(cut: &Cut<'_>, places: &HashMap<B256, (LaneId, u64)>, report: &mut Report) {
    let mut by_lane: BTreeMap<B256, u64> = BTreeMap::new();
    for (ledger, _) in cut.chains.values() {
        for entry in ledger.queue.values().filter(|entry| !entry.cancelled) {
            if let Some((lane, _)) = places.get(&entry.message) {
                *by_lane.entry(lane.0).or_default() += 1;
            }
        }
    }
    for line in &mut report.lanes {
        line.queued = by_lane.get(&line.lane).copied().unwrap_or(0);
        if line.queued > 0 {
            let LaneLine { from, to, queued, .. } = line;
            report.pending.push(format!("{from} → {to}: {queued} transfers wait in a queue"));
        }
    }
}

struct LaneUnderAudit<'a> {
    cut: &'a Cut<'a>,
    source: &'a Ledger,
    id: LaneId,
    outbound: &'a Outbound,
}

impl LaneUnderAudit<'_> {
    fn name(&self) -> String {
        let (from, to) = (&self.source.name, self.cut.name(self.outbound.to));
        format!("{from} → {to}, generation {}", self.outbound.generation)
    }

    fn judge(&self, outbox: Option<OutboxAt>, report: &mut Report, held: &mut Held) -> LaneLine {
        let sent = self.outbound.messages.len() as u64;
        let mut line = LaneLine {
            lane: self.id.0,
            from: self.source.name.clone(),
            to: self.cut.name(self.outbound.to),
            generation: self.outbound.generation,
            ended: self.outbound.ended.is_some(),
            sent,
            delivered: 0,
            executed: 0,
            waiting: 0,
            refunded: 0,
            struck: 0,
            queued: 0,
            resent: 0,
            in_flight: 0,
        };
        self.judge_outbox(outbox, report);
        let there = self.cut.chains.get(&self.outbound.to);
        let Some((destination, answers)) = there else {
            let name = self.name();
            report
                .notes
                .push(format!("{name}: the destination was not read; what arrived there is not known"));
            return line;
        };
        let Some(inbound) = destination.inbound.get(&self.id) else {
            report.notes.push(format!("{}: not open at its destination yet", self.name()));
            self.in_flight(0, &mut line, report, held);
            return line;
        };
        line.delivered = inbound.delivered;
        self.judge_inbox(inbound, answers.inboxes.get(&self.id).copied(), report);
        self.judge_recorded(inbound, (destination, &mut line), report, held);
        let sent_again = SentAgain { name: &self.name(), id: self.id, outbound: self.outbound };
        let resent_to =
            sent_again.judge(inbound, outbox.map_or(B256::ZERO, |outbox| outbox.resent_to), report);
        line.resent = resent_to.saturating_sub(inbound.delivered);
        self.in_flight(resent_to.max(inbound.delivered), &mut line, report, held);
        line
    }

    fn judge_outbox(&self, outbox: Option<OutboxAt>, report: &mut Report) {
        let sent = self.outbound.messages.len() as u64;
        let accumulator = self.accumulator(sent);
        let Some(outbox) = outbox else {
            report
                .violations
                .push(format!("{}: was opened, but the gateway has no outbox of it", self.name()));
            return;
        };
        if (Some(outbox.accumulator), outbox.nonce) != (accumulator, sent)
            || self.outbound.ended.is_some_and(|nonce| nonce != sent)
        {
            let (name, nonce) = (self.name(), outbox.nonce);
            report.violations.push(format!(
                "{name}: the outbox is at message {nonce}, accumulator {}, but what left makes {sent} messages or other \
                 ones",
                outbox.accumulator
            ));
        }
    }

    /// The lane's accumulator after a message; `None` if it has not left.
    fn accumulator(&self, nonce: u64) -> Option<B256> {
        accumulator(self.id, self.outbound, nonce)
    }

    fn judge_inbox(&self, inbound: &Inbound, inbox: Option<B256>, report: &mut Report) {
        let (name, sent) = (self.name(), self.outbound.messages.len() as u64);
        if inbound.delivered > sent {
            report.torn = true;
            let delivered = inbound.delivered;
            report.violations.push(format!(
                "{name}: {delivered} messages were delivered, but only {sent} have left: messages from nowhere, or a \
                 source that reverted"
            ));
            return;
        }
        for (nonce, after) in &inbound.deliveries {
            if self.accumulator(*nonce) != Some(*after) {
                report.violations.push(format!(
                    "{name}: what was delivered up to message {nonce} is not what left: accumulator {after} is none of \
                     the outbox"
                ));
            }
        }
        if inbox != self.accumulator(inbound.delivered)
            || inbound.ended.is_some_and(|last| Some(last) != inbox)
        {
            let (delivered, inbox) = (inbound.delivered, inbox.unwrap_or_default());
            report.violations.push(format!(
                "{name}: {delivered} messages were delivered, but the inbox is {inbox}, not the outbox after them"
            ));
        }
    }

    fn judge_recorded(
        &self,
        inbound: &Inbound,
        (destination, line): (&Ledger, &mut LaneLine),
        report: &mut Report,
        held: &mut Held,
    ) {
        let name = self.name();
        for (nonce, record) in &inbound.recorded {
            let index = usize::try_from(*nonce).unwrap_or(usize::MAX).wrapping_sub(1);
            let left = self.outbound.messages.get(index);
            if left.is_none_or(|left| left.id != record.id) {
                let id = record.id;
                report
                    .violations
                    .push(format!("{name}: message {nonce} was recorded as {id}, which did not leave"));
                continue;
            }
            line.waiting += u64::from(record.waits());
            line.struck += u64::from(record.struck);
            line.refunded += u64::from(!record.refunds.is_empty());
            if record.waits() || record.struck {
                let to = if record.struck { &mut held.struck } else { &mut held.in_flight };
                self.add_to(to, *nonce);
            }
            for (back, refund) in &record.refunds {
                let back_lane = destination.outbound.get(back);
                let index = usize::try_from(*refund).unwrap_or(usize::MAX).wrapping_sub(1);
                let left = back_lane.and_then(|lane| lane.messages.get(index));
                if left.and_then(|left| left.refund_of) != Some(record.id) {
                    report.violations.push(format!(
                        "{name}: message {nonce} expired, but message {refund} of the lane back is not its refund"
                    ));
                }
            }
        }
        line.executed = line.delivered.saturating_sub(line.waiting + line.refunded + line.struck);
        if line.waiting > 0 {
            report.pending.push(format!("{name}: {} messages wait for execution or refund", line.waiting));
        }
    }

    /// All messages after a nonce are on their way.
    fn in_flight(&self, after: u64, line: &mut LaneLine, report: &mut Report, held: &mut Held) {
        let sent = self.outbound.messages.len() as u64;
        line.in_flight = sent.saturating_sub(after);
        for nonce in after + 1..=sent {
            self.add_to(&mut held.in_flight, nonce);
        }
        if line.in_flight > 0 {
            report.pending.push(format!("{}: {} messages are not delivered", self.name(), line.in_flight));
        }
    }

    fn add_to(&self, held: &mut BTreeMap<Way, U256>, nonce: u64) {
        let index = usize::try_from(nonce).unwrap_or(usize::MAX).wrapping_sub(1);
        if let Some(carries) = self.outbound.messages.get(index).and_then(|left| left.carries) {
            let way = (carries.token, self.source.chain, self.outbound.to);
            let sum = held.entry(way).or_default();
            *sum = sum.saturating_add(U256::from(carries.amount));
        }
    }
}

/// A lane's accumulator after a message; `None` if it has not left.
pub(crate) fn accumulator(id: LaneId, outbound: &Outbound, nonce: u64) -> Option<B256> {
    match usize::try_from(nonce).ok()?.checked_sub(1) {
        None => Some(id.0),
        Some(index) => outbound.messages.get(index).map(|left| left.accumulator),
    }
}
