//! Has a validator signed anything but what its chain says? Signatures in, findings out.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use icc_attest::Attestation;
use icc_protocol::{Domain, LaneId};

use crate::audit::{
    lanes::{Cut, accumulator},
    ledger::Outbound,
    report::{Report, ValidatorLine},
};

/// Most signatures beyond what is final that are kept to be compared later.
const MAX_AHEAD: usize = 4096;
/// Most findings of one validator that are told.
const MAX_TOLD: usize = 20;

/// What a validator has signed of one lane, as far as it has been asked for.
#[derive(Debug, Default)]
struct OfLane {
    /// The last one.
    last: Option<(u64, B256)>,
    /// Beyond what was final when it was asked for.
    ahead: Vec<(u64, B256)>,
}

/// What a validator has signed.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) url: String,
    pub(crate) address: Address,
    domain: Domain,
    lanes: BTreeMap<LaneId, OfLane>,
    count: u64,
    wrong: u64,
    told: Vec<String>,
}

impl Signed {
    pub(crate) fn new(url: String, address: Address, domain: Domain) -> Self {
        Self { url, address, domain, lanes: BTreeMap::new(), count: 0, wrong: 0, told: Vec::new() }
    }

    /// The nonce from which on a lane's signatures have not been taken yet.
    pub(crate) fn next(&self, lane: LaneId) -> u64 {
        self.lanes.get(&lane).and_then(|of_lane| of_lane.last).map_or(0, |(nonce, _)| nonce + 1)
    }

    fn wrong(&mut self, text: String) {
        self.wrong += 1;
        if self.told.len() < MAX_TOLD {
            self.told.push(text);
        }
    }

    /// The next signature on a lane, in nonce order. Returns whether it is in order.
    pub(crate) fn take(&mut self, lane: LaneId, outbound: &Outbound, attestation: &Attestation) -> bool {
        let (nonce, after) = (attestation.nonce, attestation.accumulator);
        let of_lane = self.lanes.entry(lane).or_default();
        let before = of_lane.last;
        if attestation.lane != lane || before.is_some_and(|(last, _)| nonce < last) {
            return false;
        }
        of_lane.last = Some((nonce, after));
        self.count += 1;
        let signer = attestation.signature.recover(&self.domain.checkpoint_digest(&attestation.checkpoint()));
        if signer != Ok(self.address) {
            self.wrong(format!("the signature on message {nonce} of lane {lane} is not its own"));
        }
        if before.is_some_and(|(last, other)| last == nonce && other != after) {
            self.wrong(format!("two accumulators are signed for message {nonce} of lane {lane}"));
        }
        if usize::try_from(nonce).is_ok_and(|nonce| nonce <= outbound.messages.len()) {
            self.compare(lane, outbound, (nonce, after));
        } else if let Some(of_lane) = self.lanes.get_mut(&lane).filter(|of| of.ahead.len() < MAX_AHEAD) {
            of_lane.ahead.push((nonce, after));
        } else {
            self.wrong(format!("message {nonce} of lane {lane} is signed, far beyond what is final"));
        }
        true
    }

    fn compare(&mut self, lane: LaneId, outbound: &Outbound, (nonce, after): (u64, B256)) {
        if nonce == 0 || accumulator(lane, outbound, nonce) != Some(after) {
            self.wrong(format!(
                "what is signed for message {nonce} of lane {lane} is not the chain's: {after}"
            ));
        }
    }

    /// What was ahead is final by now, or was signed too early. A known liar's findings are told, and no violations.
    pub(crate) fn judge(&mut self, cut: &Cut<'_>, is_liar: bool, report: &mut Report) {
        for (ledger, _) in cut.chains.values() {
            for (lane, outbound) in &ledger.outbound {
                let Some(of_lane) = self.lanes.get_mut(lane) else { continue };
                let sent = outbound.messages.len() as u64;
                let (now, later) =
                    std::mem::take(&mut of_lane.ahead).into_iter().partition(|(nonce, _)| *nonce <= sent);
                of_lane.ahead = later;
                let now: Vec<(u64, B256)> = now;
                for signed in now {
                    self.compare(*lane, outbound, signed);
                }
            }
        }
        let early = self.lanes.values().map(|of_lane| of_lane.ahead.len() as u64).sum::<u64>();
        let mut told: Vec<String> = self.told.clone();
        if self.wrong > told.len() as u64 {
            told.push(format!("and {} more", self.wrong - told.len() as u64));
        }
        if early > 0 {
            // The endpoint that was read may lag behind the validator's.
            report.torn = true;
            told.push(format!("{early} messages are signed that are not final"));
        }
        let told = told.into_iter().map(|text| format!("validator {}: {text}", self.address));
        if is_liar {
            report.notes.extend(told)
        } else {
            report.violations.extend(told)
        }
        report.validators.push(ValidatorLine {
            url: self.url.clone(),
            address: self.address,
            signatures: self.count,
            wrong: self.wrong + early,
        });
    }
}
