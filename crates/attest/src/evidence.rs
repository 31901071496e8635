//! Proof of a lie, with both sides: a file that can be verified without the system.

use alloy_primitives::{Address, B256, U256};
use icc_protocol::{ChainId, Domain, Lane, NetworkId, SignatureError, fold};
use serde::{Deserialize, Serialize};

use crate::{Attestation, SignedSet};

/// Outboxes keep every accumulator at a multiple of this nonce: no proof needs more leaves.
pub const SNAPSHOT_INTERVAL: u64 = 256;

/// What a validator signed, and what shows that it is not so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Evidence {
    /// Two accumulators of one nonce of a lane. The hub's registry takes it.
    Equivocation {
        /// The deployment.
        network: NetworkId,
        /// What was signed.
        one: Attestation,
        /// What was signed as well.
        other: Attestation,
    },
    /// An accumulator that the source's outbox contradicts. The gateway at the source takes it.
    FalseCheckpoint {
        /// What the lane id commits to; the deployment among it.
        lane: Lane,
        /// What was signed.
        signed: Attestation,
        /// What the outbox says.
        outbox: Outbox,
    },
    /// A set that is not its epoch's. The hub's registry takes it.
    FalseSet {
        /// The deployment.
        network: NetworkId,
        /// What was signed.
        signed: SignedSet,
        /// The hub.
        hub: ChainId,
        /// keccak256 of the epoch's packed members by the registry.
        set_hash: B256,
        /// When the registry made it.
        hub_time: u64,
    },
}

/// What an outbox says, by whoever found the lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbox {
    /// Its newest nonce.
    pub nonce: u64,
    /// The height of the final block up to which that is so.
    pub block: u64,
    /// The accumulator at the signed nonce; `None` if that is beyond the newest.
    pub accumulator: Option<B256>,
    /// The leaves after the signed nonce, up to a multiple of 256 or the newest.
    pub leaves: Vec<B256>,
    /// The accumulator after them; zero beyond the newest.
    pub end: B256,
}

/// What an evidence shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// Who signed.
    pub signer: Address,
    /// What has to be compared with a chain, by any node of it; `None`: the signatures are all of the proof.
    pub rests_on: Option<String>,
}

/// Why a file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// A signature is malformed or malleable.
    #[error("signature: {0}")]
    Signature(#[from] SignatureError),
    /// Two different keys.
    #[error("signature: one is of {0}, the other of {1}")]
    TwoSigners(Address, Address),
    /// Another lane or nonce.
    #[error("lane, nonce: the two attestations are about different things")]
    DifferentSubjects,
    /// Nothing contradicts.
    #[error("accumulator: both sides say the same; that is no lie")]
    SameWord,
    /// The id is not of the lane that is described.
    #[error("lane: what is described has another id than what was signed")]
    OtherLane,
    /// The leaves do not lead where they should.
    #[error(
        "outbox: the leaves do not lead to the accumulator that is said to follow, or to no nonce that is known"
    )]
    BrokenFold,
}

impl Evidence {
    /// A word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Equivocation { .. } => "equivocation",
            Self::FalseCheckpoint { .. } => "false_checkpoint",
            Self::FalseSet { .. } => "false_set",
        }
    }

    /// The deployment.
    pub fn network(&self) -> NetworkId {
        match self {
            Self::Equivocation { network, .. } | Self::FalseSet { network, .. } => *network,
            Self::FalseCheckpoint { lane, .. } => lane.network,
        }
    }

    /// What is lied about, so that one lie is told from another: the lane; of sets, the epoch.
    pub fn subject(&self) -> B256 {
        match self {
            Self::Equivocation { one, .. } => one.lane.0,
            Self::FalseCheckpoint { signed, .. } => signed.lane.0,
            Self::FalseSet { signed, .. } => U256::from(signed.epoch).into(),
        }
    }

    /// Checks signatures and arithmetic.
    ///
    /// # Errors
    /// [`EvidenceError`]: it proves nothing, whatever the chains say.
    pub fn verify(&self) -> Result<Proved, EvidenceError> {
        let domain = Domain::new(self.network());
        match self {
            Self::Equivocation { one, other, .. } => {
                if (one.lane, one.nonce) != (other.lane, other.nonce) {
                    return Err(EvidenceError::DifferentSubjects);
                }
                if one.accumulator == other.accumulator {
                    return Err(EvidenceError::SameWord);
                }
                let (signer, second) = (signer(&domain, one)?, signer(&domain, other)?);
                if signer != second {
                    return Err(EvidenceError::TwoSigners(signer, second));
                }
                Ok(Proved { signer, rests_on: None })
            }
            Self::FalseCheckpoint { lane, signed, outbox } => {
                if lane.id() != signed.lane {
                    return Err(EvidenceError::OtherLane);
                }
                let signer = signer(&domain, signed)?;
                Ok(Proved { signer, rests_on: Some(outbox.contradicts(lane, signed)?) })
            }
            Self::FalseSet { signed, hub, set_hash, hub_time, .. } => {
                let signer = signed.record().signer(&domain, &signed.signature)?;
                if (signed.set_hash, signed.hub_time) == (*set_hash, *hub_time) {
                    return Err(EvidenceError::SameWord);
                }
                let rests_on = format!(
                    "the registry on chain {hub} has made epoch {} at {hub_time} with a set whose keccak256 is {set_hash}",
                    signed.epoch
                );
                Ok(Proved { signer, rests_on: Some(rests_on) })
            }
        }
    }
}

impl Outbox {
    /// What has to be so at the source.
    fn contradicts(&self, lane: &Lane, signed: &Attestation) -> Result<String, EvidenceError> {
        let whose = format!(
            "the outbox of gateway {} on chain {} to chain {} (generation {})",
            lane.source_gateway, lane.source_chain, lane.destination_chain, lane.generation
        );
        let Some(accumulator) = self.accumulator else {
            if signed.nonce <= self.nonce {
                return Err(EvidenceError::BrokenFold);
            }
            return Ok(format!("{whose} has sent no more than {} messages", self.nonce));
        };
        if accumulator == signed.accumulator {
            return Err(EvidenceError::SameWord);
        }
        if self.leaves.len() as u64 > SNAPSHOT_INTERVAL {
            return Err(EvidenceError::BrokenFold);
        }
        let end = signed.nonce.saturating_add(self.leaves.len() as u64);
        let known = end == self.nonce || (end <= self.nonce && end.is_multiple_of(SNAPSHOT_INTERVAL));
        if !known || self.leaves.iter().fold(accumulator, |so_far, leaf| fold(so_far, *leaf)) != self.end {
            return Err(EvidenceError::BrokenFold);
        }
        Ok(format!("{whose} has the accumulator {} at nonce {end}", self.end))
    }
}

fn signer(domain: &Domain, attestation: &Attestation) -> Result<Address, SignatureError> {
    attestation.signature.recover(&domain.checkpoint_digest(&attestation.checkpoint()))
}

#[cfg(test)]
mod tests {
    use alloy_signer::SignerSync;
    use alloy_signer_local::PrivateKeySigner;
    use icc_protocol::{Checkpoint, EpochRecord};

    use super::*;

    const NETWORK: NetworkId = NetworkId(B256::repeat_byte(1));

    fn lane() -> Lane {
        Lane {
            network: NETWORK,
            source_chain: ChainId(1),
            source_gateway: B256::repeat_byte(2),
            destination_chain: ChainId(3),
            destination_gateway: B256::repeat_byte(4),
            generation: 1,
        }
    }

    fn key(byte: u8) -> PrivateKeySigner {
        PrivateKeySigner::from_slice(&[byte; 32]).unwrap()
    }

    fn signed(key: &PrivateKeySigner, nonce: u64, accumulator: B256) -> Attestation {
        let checkpoint = Checkpoint { lane: lane().id(), nonce, accumulator };
        let digest = Domain::new(NETWORK).checkpoint_digest(&checkpoint);
        let signature = key.sign_hash_sync(&digest).unwrap().into();
        Attestation { lane: checkpoint.lane, nonce, accumulator, signature }
    }

    /// Leaves and accumulators of an outbox with so many messages.
    fn outbox(messages: u8) -> (Vec<B256>, Vec<B256>) {
        let leaves: Vec<B256> = (0..messages).map(B256::repeat_byte).collect();
        let mut accumulators = vec![lane().id().0];
        for leaf in &leaves {
            accumulators.push(fold(*accumulators.last().unwrap(), *leaf));
        }
        (leaves, accumulators)
    }

    fn false_checkpoint(signed: Attestation, to: usize) -> Evidence {
        let (leaves, accumulators) = outbox(10);
        let from = signed.nonce as usize;
        let outbox = Outbox {
            nonce: 10,
            block: 99,
            accumulator: accumulators.get(from).copied(),
            leaves: leaves.get(from..to).unwrap_or_default().to_vec(),
            end: if from > 10 { B256::ZERO } else { accumulators[to] },
        };
        Evidence::FalseCheckpoint { lane: lane(), signed, outbox }
    }

    #[test]
    fn two_words_of_one_key_on_one_nonce_are_a_lie_by_themselves() {
        let (a, b) = (signed(&key(5), 7, B256::repeat_byte(1)), signed(&key(5), 7, B256::repeat_byte(2)));
        let evidence = |one, other| Evidence::Equivocation { network: NETWORK, one, other };
        let proved = evidence(a, b).verify().unwrap();
        assert_eq!(proved, Proved { signer: key(5).address(), rests_on: None });
        assert_eq!(evidence(a, a).verify(), Err(EvidenceError::SameWord));
        let foreign = evidence(a, signed(&key(6), 7, b.accumulator)).verify();
        assert_eq!(foreign, Err(EvidenceError::TwoSigners(key(5).address(), key(6).address())));
        assert_eq!(
            evidence(a, signed(&key(5), 8, b.accumulator)).verify(),
            Err(EvidenceError::DifferentSubjects)
        );
        let elsewhere = Evidence::Equivocation { network: NetworkId(B256::repeat_byte(9)), one: a, other: b };
        assert_ne!(elsewhere.verify().map(|proved| proved.signer), Ok(key(5).address()), "another network's");
    }

    #[test]
    fn what_the_outbox_contradicts_is_a_lie_and_what_it_says_is_none() {
        let (_, accumulators) = outbox(10);
        let lie = signed(&key(5), 4, B256::repeat_byte(1));
        assert_eq!(false_checkpoint(lie, 10).verify().unwrap().signer, key(5).address());
        assert_eq!(
            false_checkpoint(lie, 9).verify(),
            Err(EvidenceError::BrokenFold),
            "a nonce that nobody keeps"
        );
        let truth = signed(&key(5), 4, accumulators[4]);
        assert_eq!(false_checkpoint(truth, 10).verify(), Err(EvidenceError::SameWord));
        let beyond = signed(&key(5), 11, B256::repeat_byte(1));
        assert!(false_checkpoint(beyond, 11).verify().unwrap().rests_on.unwrap().contains("no more than 10"));
        let Evidence::FalseCheckpoint { lane, signed, mut outbox } = false_checkpoint(lie, 10) else {
            panic!()
        };
        outbox.leaves[0] = B256::ZERO;
        let broken = Evidence::FalseCheckpoint { lane, signed, outbox: outbox.clone() };
        assert_eq!(broken.verify(), Err(EvidenceError::BrokenFold));
        outbox.accumulator = None;
        let hidden = Evidence::FalseCheckpoint { lane, signed, outbox: outbox.clone() };
        assert_eq!(hidden.verify(), Err(EvidenceError::BrokenFold), "not beyond");
        let lane = Lane { generation: 2, ..lane };
        let moved = Evidence::FalseCheckpoint { lane, signed, outbox };
        assert_eq!(moved.verify(), Err(EvidenceError::OtherLane));
    }

    #[test]
    fn a_set_that_is_not_its_epochs_is_a_lie() {
        let record = EpochRecord { epoch: 3, set_hash: B256::repeat_byte(1), hub_time: 5 };
        let signature = key(5).sign_hash_sync(&record.digest(&Domain::new(NETWORK))).unwrap().into();
        let signed = SignedSet { epoch: 3, set_hash: record.set_hash, hub_time: 5, signature };
        let evidence = |set_hash, hub_time| Evidence::FalseSet {
            network: NETWORK,
            signed,
            hub: ChainId(1),
            set_hash,
            hub_time,
        };
        assert_eq!(evidence(B256::repeat_byte(2), 5).verify().unwrap().signer, key(5).address());
        assert_eq!(evidence(record.set_hash, 6).verify().unwrap().signer, key(5).address());
        assert_eq!(evidence(record.set_hash, 5).verify(), Err(EvidenceError::SameWord));
    }

    #[test]
    fn files_are_read_as_they_were_written_and_nothing_else_is() {
        let evidence = false_checkpoint(signed(&key(5), 4, B256::repeat_byte(1)), 10);
        let text = serde_json::to_string(&evidence).unwrap();
        assert!(text.contains("\"kind\":\"false_checkpoint\""), "{text}");
        assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
        let more = text.replacen('{', "{\"more\":1,", 1);
        assert!(serde_json::from_str::<Evidence>(&more).is_err(), "an unknown field");
    }
}
