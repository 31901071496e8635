//! Messages that other messages led to: what a closed lane had not delivered and leaves again, refunds, and what a token's
//! home passes on or sends back.

use std::collections::{BTreeMap, HashMap};

use alloy_primitives::B256;
use icc_protocol::LaneId;

use crate::audit::{
    lanes::Cut,
    ledger::{Followed, Inbound, Left, Outbound},
    report::Report,
};

/// A closed lane whose messages may leave again.
pub(crate) struct SentAgain<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: LaneId,
    pub(crate) outbound: &'a Outbound,
}

impl SentAgain<'_> {
    /// The message up to which they have, or 0. What was delivered must not be among them.
    pub(crate) fn judge(&self, inbound: &Inbound, resent_to: B256, report: &mut Report) -> u64 {
        let name = self.name;
        let (Some(from), false) = (self.outbound.resend_from.last(), resent_to.is_zero()) else { return 0 };
        let (Some(from), Some(to)) = (position(self.id, self.outbound, *from), self.position(resent_to))
        else {
            report.violations.push(format!("{name}: may be sent again from no point of the lane"));
            return 0;
        };
        let delivered = inbound.delivered;
        if to > from && inbound.ended.is_none() {
            report.violations.push(format!("{name}: messages left again before its destination was closed"));
        }
        // Up to the first message that leaves, the owner can still correct the point.
        if to > from && from < delivered {
            let last = delivered.min(to);
            report
                .violations
                .push(format!("{name}: messages {} to {last} were delivered and left again", from + 1));
        } else if to > from && from > delivered {
            report.violations.push(format!(
                "{name}: messages {} to {from} were neither delivered nor will they leave again",
                delivered + 1
            ));
        }
        if to > from { to } else { 0 }
    }

    fn position(&self, after: B256) -> Option<u64> {
        position(self.id, self.outbound, after)
    }
}

/// How many messages an accumulator covers.
fn position(id: LaneId, outbound: &Outbound, after: B256) -> Option<u64> {
    if after == id.0 {
        return Some(0);
    }
    let index = outbound.messages.iter().position(|left| left.accumulator == after)?;
    Some(index as u64 + 1)
}

/// Has each expired message one refund, and each refund an expired message? A refund that leaves again with a closed lane
/// is there twice.
pub(crate) fn refunds(cut: &Cut<'_>, report: &mut Report) {
    for (ledger, answers) in cut.chains.values() {
        let mut due: BTreeMap<B256, u64> = BTreeMap::new();
        for inbound in ledger.inbound.values() {
            for record in inbound.recorded.values().filter(|record| !record.refunds.is_empty()) {
                due.insert(record.id, 1);
            }
        }
        for (id, outbound) in &ledger.outbound {
            let resent_to = answers.outboxes.get(id).and_then(|at| position(*id, outbound, at.resent_to));
            let from = outbound.resend_from.last().and_then(|from| position(*id, outbound, *from));
            let (Some(from), Some(to)) = (from, resent_to) else { continue };
            for left in outbound.messages.iter().take(place(to)).skip(place(from)) {
                if let Some(due) = left.refund_of.and_then(|id| due.get_mut(&id)) {
                    *due += 1;
                }
            }
        }
        let mut there: BTreeMap<B256, u64> = BTreeMap::new();
        for left in ledger.outbound.values().flat_map(|outbound| &outbound.messages) {
            if let Some(id) = left.refund_of {
                *there.entry(id).or_default() += 1;
            }
        }
        for (id, count) in &there {
            let due = due.get(id).copied().unwrap_or(0);
            if *count != due {
                let name = &ledger.name;
                report
                    .violations
                    .push(format!("{name}: {count} refunds of message {id} left, {due} were due"));
            }
        }
        for id in due.keys().filter(|id| !there.contains_key(*id)) {
            report
                .violations
                .push(format!("{}: no refund left for message {id}, which expired", ledger.name));
        }
    }
}

fn place(nonce: u64) -> usize {
    usize::try_from(nonce).unwrap_or(usize::MAX)
}

/// Has each transfer that home had to pass on, or to send back, led to one message with the same tokens?
pub(crate) fn followed(cut: &Cut<'_>, places: &HashMap<B256, (LaneId, u64)>, report: &mut Report) {
    for (ledger, _) in cut.chains.values() {
        let mut led_on: HashMap<B256, u32> = HashMap::new();
        for next in &ledger.followed {
            *led_on.entry(next.message).or_default() += 1;
            let cause = places.get(&next.message).and_then(|(lane, nonce)| left(cut, *lane, *nonce));
            let effect = ledger.outbound.get(&next.lane).and_then(|lane| message(lane, next.nonce));
            same_tokens(&ledger.name, next, (cause, effect), report);
        }
        // What arrived from chains that were read: what did not wait has run.
        for (lane, inbound) in &ledger.inbound {
            let Some(outbound) = cut.ledger(inbound.from).and_then(|source| source.outbound.get(lane)) else {
                continue;
            };
            for (index, left) in outbound.messages.iter().take(place(inbound.delivered)).enumerate() {
                if !left.carries.is_some_and(|carries| carries.leads_on) {
                    continue;
                }
                let nonce = index as u64 + 1;
                let due = inbound.recorded.get(&nonce).is_none_or(|record| record.executed > 0);
                let count = led_on.get(&left.id).copied().unwrap_or(0);
                if count != u32::from(due) {
                    let (name, id) = (&ledger.name, left.id);
                    report.violations.push(format!(
                        "{name}: message {id} led to {count} messages onward or back instead of {}",
                        u32::from(due)
                    ));
                }
            }
        }
    }
}

fn same_tokens(
    name: &str,
    next: &Followed,
    (cause, effect): (Option<&Left>, Option<&Left>),
    report: &mut Report,
) {
    let (Followed { message, why, lane, nonce }, tokens) =
        (next, |left: &Left| left.carries.map(|carries| (carries.token, carries.amount)));
    match (cause, effect) {
        // Its source was not read.
        (None, _) => {}
        (Some(cause), Some(effect)) if tokens(cause).is_some() && tokens(cause) == tokens(effect) => {}
        _ => report.violations.push(format!(
            "{name}: message {message} was {why:?} as message {nonce} of lane {lane}, which does not carry the same tokens"
        )),
    }
}

fn left<'a>(cut: &Cut<'a>, lane: LaneId, nonce: u64) -> Option<&'a Left> {
    cut.chains.values().find_map(|(ledger, _)| message(ledger.outbound.get(&lane)?, nonce))
}

fn message(outbound: &Outbound, nonce: u64) -> Option<&Left> {
    outbound.messages.get(place(nonce).checked_sub(1)?)
}
