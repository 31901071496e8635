//! Is every unit of every supply backed by its escrow, to the last one? Facts in, findings out.
//!
//! At home the vault has what home counts for other chains, and what waits there. What home counts for a chain is the
//! supply there, what waits there, and what is on its way between the two; what was struck stays counted. An issuer's
//! token has supplies of its own and stands outside.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use alloy_primitives::{Address, B256, U256};
use icc_chain_evm::token_id;
use icc_protocol::{ChainId, LaneId};

use crate::audit::{
    lanes::{Cut, Held, TokenAt, Way},
    report::{RemoteLine, Report, TokenLine},
};

/// As in ITokenBridge.Kind.
const VAULT: u8 = 1;
const WRAPPER: u8 = 2;

/// Tokens struck in queues: by token, the chain of the queue, and the chain they came from.
type Cancelled = BTreeMap<Way, U256>;

pub(crate) fn judge(cut: &Cut<'_>, held: &Held, places: &HashMap<B256, (LaneId, u64)>, report: &mut Report) {
    let cancelled = cancelled(cut, places);
    queues(cut, report);
    for (home, (ledger, answers)) in &cut.chains {
        let mut remotes: BTreeMap<B256, BTreeSet<ChainId>> = BTreeMap::new();
        for registration in &ledger.registrations {
            let id = token_id(*home, Address::from_word(registration.home_token));
            remotes.entry(id).or_default().insert(registration.to);
        }
        for (id, remotes) in remotes {
            let Some(at) = answers.tokens.get(&id) else {
                report
                    .violations
                    .push(format!("{}: token {id} was registered, but is not known", ledger.name));
                continue;
            };
            let token = Token { cut, home: *home, id, at, held, cancelled: &cancelled };
            let line = token.judge(&remotes, report);
            report.tokens.push(line);
        }
    }
}

struct Token<'a> {
    cut: &'a Cut<'a>,
    home: ChainId,
    id: B256,
    at: &'a TokenAt,
    held: &'a Held,
    cancelled: &'a Cancelled,
}

impl Token<'_> {
    fn judge(&self, remotes: &BTreeSet<ChainId>, report: &mut Report) -> TokenLine {
        let (home, local) = (self.cut.name(self.home), self.at.local);
        let waiting = U256::from(self.at.queue).saturating_add(U256::from(self.at.claims));
        let counted = remotes.iter().fold(waiting, |sum, chain| sum.saturating_add(self.counted(*chain)));
        let is_vault = self.at.kind == VAULT;
        if !is_vault {
            report.notes.push(format!(
                "token {local} of {home} is an issuer's at home: supply = escrow does not hold for it, and was not asked"
            ));
        } else if self.at.vault < counted {
            let short = counted - self.at.vault;
            report.violations.push(format!(
                "token {local} of {home}: {counted} units are counted, but the vault has {}: {short} too little",
                self.at.vault
            ));
        }
        TokenLine {
            token_id: self.id,
            address: local,
            escrow: is_vault.then(|| self.at.vault.to_string()),
            waiting: waiting.to_string(),
            surplus: if is_vault {
                self.at.vault.saturating_sub(counted).to_string()
            } else {
                "0".to_owned()
            },
            remotes: remotes.iter().map(|chain| self.remote(*chain, is_vault, report)).collect(),
            home,
        }
    }

    /// What home counts for a chain.
    fn counted(&self, chain: ChainId) -> U256 {
        U256::from(self.at.held.get(&chain).copied().unwrap_or(0))
    }

    fn remote(&self, chain: ChainId, is_vault: bool, report: &mut Report) -> RemoteLine {
        let (home, name, local) = (self.cut.name(self.home), self.cut.name(chain), self.at.local);
        let counted = self.counted(chain);
        let both_ways = |sums: &BTreeMap<Way, U256>| {
            let there = sums.get(&(self.id, self.home, chain)).copied().unwrap_or_default();
            let back = sums.get(&(self.id, chain, self.home)).copied().unwrap_or_default();
            there.saturating_add(back)
        };
        let in_flight = both_ways(&self.held.in_flight);
        let struck = both_ways(&self.held.struck).saturating_add(both_ways(self.cancelled));
        let mut line = RemoteLine {
            chain: name.clone(),
            held: counted.to_string(),
            supply: None,
            waiting: "0".to_owned(),
            in_flight: in_flight.to_string(),
            struck: struck.to_string(),
        };
        let Some((_, answers)) = self.cut.chains.get(&chain) else {
            report.notes.push(format!("token {local} of {home}: its supply on {name} was not read"));
            return line;
        };
        // Before its registration has been executed, nothing can have been minted.
        let at = answers.tokens.get(&self.id).cloned().unwrap_or_default();
        let waiting = U256::from(at.queue).saturating_add(U256::from(at.claims));
        line.waiting = waiting.to_string();
        if at.kind != WRAPPER && at.kind != 0 {
            report.notes.push(format!(
                "token {local} of {home} is an issuer's on {name}: supply = escrow does not hold there, and was not asked"
            ));
            return line;
        }
        line.supply = Some(at.supply.to_string());
        let there = at.supply.saturating_add(waiting).saturating_add(in_flight).saturating_add(struck);
        if is_vault && there != counted {
            report.violations.push(format!(
                "token {local} of {home}: home counts {counted} units for {name}, where the supply is {}, {waiting} wait, \
                 {in_flight} are on their way and {struck} were struck: {}",
                at.supply,
                if there > counted {
                    format!("{} from nowhere", there - counted)
                } else {
                    format!("{} are missing", counted - there)
                }
            ));
        }
        line
    }
}

/// What was struck in queues: at home it is counted for its source again, elsewhere its count was never lowered.
fn cancelled(cut: &Cut<'_>, places: &HashMap<B256, (LaneId, u64)>) -> Cancelled {
    let mut sums = Cancelled::new();
    for (chain, (ledger, _)) in &cut.chains {
        for ((token, _), entry) in ledger.queue.iter().filter(|(_, entry)| entry.cancelled) {
            let lane = places.get(&entry.message).map(|(lane, _)| *lane);
            let Some(inbound) = lane.and_then(|lane| ledger.inbound.get(&lane)) else { continue };
            let sum = sums.entry((*token, inbound.from, *chain)).or_default();
            *sum = sum.saturating_add(U256::from(entry.amount));
        }
    }
    sums
}

/// Is what waits in each queue what was put there and not taken out?
fn queues(cut: &Cut<'_>, report: &mut Report) {
    for (ledger, answers) in cut.chains.values() {
        let mut sums: BTreeMap<B256, U256> = BTreeMap::new();
        for ((token, _), entry) in ledger.queue.iter().filter(|(_, entry)| !entry.cancelled) {
            let sum = sums.entry(*token).or_default();
            *sum = sum.saturating_add(U256::from(entry.amount));
        }
        for (id, at) in &answers.tokens {
            let waits = sums.get(id).copied().unwrap_or_default();
            if waits != U256::from(at.queue) {
                let (name, queue) = (&ledger.name, at.queue);
                report.violations.push(format!(
                    "{name}: {queue} units of token {id} wait in the queue, but {waits} were put there and not taken out"
                ));
            }
        }
    }
}
