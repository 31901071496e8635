//! The adversaries themselves.
#![allow(missing_docs, clippy::unwrap_used)]

use icc_testkit::adversary::campaign;

/// Attack: every way to forge that a drawn adversary finds. `ADVERSARY_SCHEDULES` tells more of them (`make deep`), and
/// `ADVERSARY_SEED` where to begin.
#[test]
fn whatever_endpoints_and_peers_say_nothing_untrue_is_signed_and_signing_goes_on() {
    let number = |name: &str, usual: u64| {
        std::env::var(name).ok().map_or(usual, |text| text.parse().expect("a number"))
    };
    let first = number("ADVERSARY_SEED", 0);
    let stats = campaign(first..first + number("ADVERSARY_SCHEDULES", 2000))
        .unwrap_or_else(|failure| panic!("{failure}"));
    eprintln!("{stats:?}");
    assert!(stats.signed > stats.schedules && stats.lies > stats.schedules, "too little happened: {stats:?}");
}
