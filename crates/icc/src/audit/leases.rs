//! Was a lease held twice? Terms in, findings out.

use std::collections::BTreeSet;

use icc_store::LeaseTerm;

use crate::audit::report::{LeaseLine, Report};

/// Judges the terms of all leases, which are in order of name and token.
pub(crate) fn judge(terms: &[LeaseTerm], report: &mut Report) {
    let names: BTreeSet<&str> = terms.iter().map(|term| term.name.as_str()).collect();
    let mut held_twice = 0;
    // Of the terms before, the one that lasts longest.
    let mut longest: Option<&LeaseTerm> = None;
    for term in terms {
        let holder = longest.filter(|holder| holder.name == term.name);
        if let Some(holder) = holder.filter(|holder| holder.until > term.since) {
            held_twice += 1;
            report.violations.push(format!(
                "lease {} was held twice: {} (token {}) took it {} µs before the term of {} (token {}) was over",
                term.name,
                term.owner,
                term.token,
                holder.until.saturating_sub(term.since),
                holder.owner,
                holder.token
            ));
        }
        if holder.is_none_or(|holder| holder.until < term.until) {
            longest = Some(term);
        }
    }
    report.leases = Some(LeaseLine { leases: names.len() as u64, terms: terms.len() as u64, held_twice });
}
