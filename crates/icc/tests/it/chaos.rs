//! The short set of `make chaos`: a few faults of each kind under load, each followed by the audit.

use std::time::Duration;

use icc_devnet::Devnet;
use icc_testkit::{
    chaos::{self, Scale, Settings},
    load::Load,
};

use crate::shared::{icc, options, with_bridge};

/// Fixed: a failure can be run again with `chaos --seed`.
const SEED: u64 = 0x1CC;

/// Tests of their own, one for each of their faults: `reorgs.rs`, `transactions.rs`. `make chaos` does them under load.
const ELSEWHERE: [&str; 2] = ["reorgs", "transactions"];

#[test]
fn the_short_set_of_chaos_holds() {
    // Alone on the machine, but on a devnet of its own: the audit is of the whole of it, and other tests leave transfers
    // waiting and signatures contradicting each other on purpose.
    with_bridge(async |_| {
        let mut devnet = Devnet::start(&options(), |_| {}).await.unwrap();
        let load = Load::prepare(&devnet).await.unwrap();
        let binary = icc();
        let settings = Settings {
            icc: &binary,
            scale: Scale::Short,
            seed: SEED,
            limit: Duration::from_secs(300),
            patience: Duration::from_secs(300),
        };
        for scenario in chaos::all().iter().filter(|scenario| !ELSEWHERE.contains(&scenario.name())) {
            if let Some(reason) = scenario.skip() {
                eprintln!("{}: skipped: {reason}", scenario.name());
                continue;
            }
            let outcome = chaos::run(scenario.as_ref(), &mut devnet, &load, settings).await;
            eprintln!("{}: {} faults, {} s", outcome.name, outcome.faults, outcome.took.as_secs());
            assert!(outcome.result.is_ok(), "{}: {:#}", outcome.name, outcome.result.unwrap_err());
            assert!(outcome.faults > 0, "{}: no fault was injected", outcome.name);
        }
    });
}
