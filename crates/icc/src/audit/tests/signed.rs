//! Signatures and leases.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use alloy_signer_local::PrivateKeySigner;
use icc_attest::Attestation;
use icc_protocol::{Checkpoint, Domain, NetworkId};
use icc_service::Signer;
use icc_store::LeaseTerm;

use super::world::{AWAY, HOME, World, finds, whole};
use crate::audit::{
    lanes::{Answers, Cut, accumulator},
    leases,
    report::Report,
    signers::Signed,
};

fn signer(fill: u8) -> Signer {
    Signer::new(PrivateKeySigner::from_slice(&[fill; 32]).unwrap())
}

struct Served {
    world: World,
    domain: Domain,
    signed: Signed,
}

impl Served {
    fn new() -> Self {
        let domain = Domain::new(NetworkId(B256::repeat_byte(9)));
        let signed = Signed::new("v:1".to_owned(), signer(5).address(), domain);
        Self { world: World::new(), domain, signed }
    }

    /// The chain's accumulator after a message.
    fn own(&self, nonce: u64) -> B256 {
        let lane = self.world.way_to(AWAY);
        accumulator(lane, &self.world.ledgers[&HOME].outbound[&lane], nonce).unwrap()
    }

    fn serves(&mut self, key: u8, nonce: u64, accumulator: B256) -> bool {
        let lane = self.world.way_to(AWAY);
        let checkpoint = Checkpoint { lane, nonce, accumulator };
        let signature = signer(key).sign(&self.domain.checkpoint_digest(&checkpoint)).unwrap();
        let attestation = Attestation { lane, nonce, accumulator, signature };
        self.signed.take(lane, &self.world.ledgers[&HOME].outbound[&lane], &attestation)
    }

    fn judge(&mut self, is_liar: bool) -> Report {
        let answers = Answers::default();
        let chains: BTreeMap<_, _> =
            self.world.ledgers.iter().map(|(chain, ledger)| (*chain, (ledger, &answers))).collect();
        let mut report = Report::default();
        self.signed.judge(&Cut { chains }, is_liar, &mut report);
        report
    }
}

#[test]
fn what_the_chain_says_may_be_signed_again_and_again() {
    let mut served = Served::new();
    for nonce in [1, 2, 2] {
        assert!(served.serves(5, nonce, served.own(nonce)));
    }
    let report = served.judge(false);
    whole(&report);
    assert_eq!((report.validators[0].signatures, served.signed.next(served.world.way_to(AWAY))), (3, 3));
    assert!(!served.serves(5, 1, served.own(1)), "not in order of nonces");
}

#[test]
fn two_accumulators_for_one_message_are_found() {
    let mut served = Served::new();
    served.serves(5, 2, served.own(2));
    served.serves(5, 2, B256::repeat_byte(1));
    finds(&served.judge(false), "two accumulators are signed for message 2");
    let report = served.judge(true);
    whole(&report);
    assert_eq!(report.notes.len(), 2, "a known liar's are told: {report:?}");
}

#[test]
fn another_accumulator_than_the_chains_and_another_signer_are_found() {
    let mut served = Served::new();
    served.serves(5, 2, B256::repeat_byte(1));
    finds(&served.judge(false), "is not the chain's");
    let mut served = Served::new();
    served.serves(6, 2, served.own(2));
    finds(&served.judge(false), "is not its own");
}

/// Signed before it was final as far as this endpoint says: compared as soon as it is.
#[test]
fn what_is_signed_too_early_is_found_and_compared_later() {
    let mut served = Served::new();
    served.serves(5, 3, B256::repeat_byte(1));
    let report = served.judge(false);
    finds(&report, "1 messages are signed that are not final");
    assert!(report.torn, "the endpoint may lag: to be looked at again");
    served.world.send(HOME, icc_protocol::Kind::Call, b"three");
    let report = served.judge(false);
    finds(&report, "is not the chain's");
    assert!(!report.torn);
}

fn term(name: &str, owner: &str, token: i64, since: i64, until: i64) -> LeaseTerm {
    LeaseTerm { name: name.to_owned(), token, owner: owner.to_owned(), since, until }
}

#[test]
fn a_lease_held_twice_is_found() {
    let mut report = Report::default();
    let good = [
        term("a", "me", 1, 0, 10),
        term("a", "you", 2, 10, 20),
        term("a", "me", 3, 25, 30),
        term("b", "me", 1, 0, 30),
    ];
    leases::judge(&good, &mut report);
    whole(&report);
    assert_eq!(report.leases.unwrap().leases, 2);

    let mut report = Report::default();
    leases::judge(&[term("a", "me", 1, 0, 10), term("a", "you", 2, 9, 20)], &mut report);
    finds(&report, "lease a was held twice: you (token 2) took it 1 µs before");
    // Not only by the next one.
    let mut report = Report::default();
    let long = [term("a", "me", 1, 0, 50), term("a", "you", 2, 60, 70), term("a", "he", 3, 65, 66)];
    leases::judge(&long, &mut report);
    assert_eq!(report.leases.unwrap().held_twice, 1);
}
