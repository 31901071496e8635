//! Who may emit which event.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use icc_chain::{Event, LaneEnded, LaneOpened};
use icc_protocol::{ChainId, Lane, LaneId, NetworkId, ValidatorSet};

/// Most lanes that one gateway may have opened, in all generations: a lane takes a timelock's decision.
const MAX_LANES: usize = 4096;

/// Whose events these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gateway {
    /// The deployment.
    pub network: NetworkId,
    /// The chain that it is on.
    pub chain: ChainId,
    /// Its address there, 32 bytes.
    pub address: B256,
}

/// The two lanes between this gateway and another, of one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// From here to there.
    pub outbound: LaneId,
    /// From there to here.
    pub inbound: LaneId,
}

/// An event about what is not its gateway's to tell. Either the gateway lies, or an event before it was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// The ids are not what the ends make.
    #[error("a lane to chain {0} is opened under an id that its ends do not make")]
    WrongId(ChainId),
    /// A lane of this destination and generation was opened before.
    #[error("generation {1} of the lane to chain {0} is opened again")]
    Reopened(ChainId, u32),
    /// A message on a lane that this gateway has not opened.
    #[error("an event of generation {1} of the lane to chain {0}, which was not opened here")]
    NotFromHere(ChainId, u32),
    /// A validator set that is none, or has another hash.
    #[error("the set of epoch {0} is none")]
    BadSet(u64),
    /// A log that is no event of ours, though it says so.
    #[error("an event that is none")]
    Unreadable,
    /// More lanes than a bridge has.
    #[error("more lanes are opened than a bridge has")]
    TooMany,
    /// An arrival on a lane that does not end at this gateway.
    #[error("an arrival on lane {0}, which does not end here")]
    NotToHere(LaneId),
}

impl Gateway {
    /// The lane from here to another gateway.
    pub fn lane(&self, (chain, gateway): (ChainId, B256), generation: u32) -> Lane {
        Lane {
            network: self.network,
            source_chain: self.chain,
            source_gateway: self.address,
            destination_chain: chain,
            destination_gateway: gateway,
            generation,
        }
    }

    /// The lanes of an opening, if the ids that it names are what its ends make.
    ///
    /// # Errors
    /// [`Foreign::WrongId`].
    pub fn opened(&self, opened: &LaneOpened) -> Result<Pair, Foreign> {
        let lane = self.lane((opened.remote_chain, opened.remote_gateway), opened.generation);
        let pair = Pair { outbound: lane.id(), inbound: lane.reversed().id() };
        let same = (opened.outbound, opened.inbound) == (pair.outbound, pair.inbound);
        if same { Ok(pair) } else { Err(Foreign::WrongId(opened.remote_chain)) }
    }
}

/// The lanes that a gateway has opened, and so may tell of.
#[derive(Debug, Clone)]
pub struct Lanes {
    gateway: Gateway,
    pairs: BTreeMap<(ChainId, u32), Pair>,
    inbound: BTreeSet<LaneId>,
}

impl Lanes {
    /// Of a gateway that has opened these before, by destination and generation.
    pub fn new(gateway: Gateway, opened: impl IntoIterator<Item = ((ChainId, u32), Pair)>) -> Self {
        let pairs: BTreeMap<(ChainId, u32), Pair> = opened.into_iter().collect();
        let inbound = pairs.values().map(|pair| pair.inbound).collect();
        Self { gateway, pairs, inbound }
    }

    /// Takes the next event of the gateway, or of the token bridge beside it, if it may come from there.
    ///
    /// # Errors
    /// [`Foreign`]; the event counts for nothing then.
    pub fn admit(&mut self, event: &Event) -> Result<(), Foreign> {
        match event {
            Event::LaneOpened(opened) => self.open(opened),
            Event::LaneEnded(ended) => self.end(ended),
            Event::Sent(sent) => self.has_opened(sent.destination, sent.generation),
            Event::FeePaid { destination, generation, .. } => self.has_opened(*destination, *generation),
            Event::ResendAllowed { lane, .. } => {
                let own = self.pairs.values().any(|pair| pair.outbound == *lane);
                if own { Ok(()) } else { Err(Foreign::NotToHere(*lane)) }
            }
            Event::Delivered { lane, .. }
            | Event::Recorded { lane, .. }
            | Event::Executed { lane, .. }
            | Event::Expired { lane, .. } => {
                if self.inbound.contains(lane) {
                    Ok(())
                } else {
                    Err(Foreign::NotToHere(*lane))
                }
            }
            Event::SetRotated { epoch, set_hash, hub_time, members } => {
                let set = ValidatorSet::decode(members).ok().filter(|set| set.hash() == *set_hash);
                // As the gateway packs them: 40 bits each.
                let fits = epoch >> 40 == 0 && hub_time >> 40 == 0;
                if set.is_some() && fits { Ok(()) } else { Err(Foreign::BadSet(*epoch)) }
            }
            Event::Unreadable { .. } => Err(Foreign::Unreadable),
            // They name no lane, and count for this chain alone.
            Event::Struck { .. } | Event::FollowedUp { .. } | Event::Queued(_) | Event::QueueEnded { .. } => {
                Ok(())
            }
        }
    }

    /// The lane of a destination and generation, if it was opened.
    pub fn outbound(&self, destination: ChainId, generation: u32) -> Option<LaneId> {
        self.pairs.get(&(destination, generation)).map(|pair| pair.outbound)
    }

    fn open(&mut self, opened: &LaneOpened) -> Result<(), Foreign> {
        let pair = self.gateway.opened(opened)?;
        let key = (opened.remote_chain, opened.generation);
        if self.pairs.contains_key(&key) {
            return Err(Foreign::Reopened(opened.remote_chain, opened.generation));
        }
        if self.pairs.len() >= MAX_LANES {
            return Err(Foreign::TooMany);
        }
        self.pairs.insert(key, pair);
        self.inbound.insert(pair.inbound);
        Ok(())
    }

    fn end(&self, ended: &LaneEnded) -> Result<(), Foreign> {
        let pair = Pair { outbound: ended.outbound, inbound: ended.inbound };
        let key = (ended.remote_chain, ended.generation);
        if self.pairs.get(&key) == Some(&pair) { Ok(()) } else { Err(Foreign::NotFromHere(key.0, key.1)) }
    }

    fn has_opened(&self, destination: ChainId, generation: u32) -> Result<(), Foreign> {
        let known = self.pairs.contains_key(&(destination, generation));
        if known { Ok(()) } else { Err(Foreign::NotFromHere(destination, generation)) }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Address, Bytes};
    use icc_chain::SentMessage;
    use icc_protocol::RecordedReason;

    use super::*;

    const HERE: Gateway = Gateway {
        network: NetworkId(B256::repeat_byte(9)),
        chain: ChainId(1),
        address: B256::repeat_byte(1),
    };

    /// The lane from one chain to another, whose gateways are at their numbers.
    fn lane(from: u8, to: u8, generation: u32) -> Lane {
        Lane {
            network: HERE.network,
            source_chain: ChainId(from.into()),
            source_gateway: B256::repeat_byte(from),
            destination_chain: ChainId(to.into()),
            destination_gateway: B256::repeat_byte(to),
            generation,
        }
    }

    fn opened(outbound: Lane, generation: u32) -> LaneOpened {
        LaneOpened {
            remote_chain: outbound.destination_chain,
            remote_gateway: outbound.destination_gateway,
            generation,
            outbound: outbound.id(),
            inbound: outbound.reversed().id(),
        }
    }

    fn delivered(lane: LaneId) -> Event {
        Event::Delivered { lane, from_nonce: 1, to_nonce: 1_000_000_000_000, accumulator: B256::ZERO }
    }

    /// Attack: a gateway opens, fills, delivers, executes, refunds and ends lanes between two others.
    #[test]
    fn nothing_is_believed_about_lanes_between_others() {
        let mut lanes = Lanes::new(HERE, []);
        lanes.admit(&Event::LaneOpened(opened(lane(1, 2, 1), 1))).unwrap();
        let victim = lane(2, 3, 1);
        let mut forged = opened(lane(1, 3, 1), 1);
        forged.outbound = victim.id();
        assert_eq!(lanes.admit(&Event::LaneOpened(forged)), Err(Foreign::WrongId(ChainId(3))));
        let mut forged = opened(lane(1, 3, 1), 1);
        forged.inbound = victim.id();
        assert_eq!(lanes.admit(&Event::LaneOpened(forged)), Err(Foreign::WrongId(ChainId(3))));
        assert_eq!(lanes.admit(&Event::LaneOpened(opened(victim, 1))), Err(Foreign::WrongId(ChainId(3))));
        let sent = SentMessage { destination: ChainId(3), generation: 1, message: Bytes::new() };
        assert!(lanes.admit(&Event::Sent(sent)).is_err());
        let (lane, id, nonce) = (victim.id(), B256::ZERO, 1);
        for event in [
            delivered(lane),
            Event::Recorded { lane, nonce, id, reason: RecordedReason::CallFailed },
            Event::Executed { lane, nonce, id },
            Event::Expired { lane, nonce, id, refund_nonce: 1 },
            Event::ResendAllowed { lane, from: id },
            Event::FeePaid { destination: ChainId(3), generation: 1, nonce, amount: 1 },
        ] {
            assert!(lanes.admit(&event).is_err(), "{event:?}");
        }
    }

    /// Attack: a set that cannot be read would stop whoever reads it.
    #[test]
    fn a_set_that_is_none_is_not_taken() {
        let mut lanes = Lanes::new(HERE, []);
        let set = ValidatorSet::new(vec![Address::repeat_byte(1)]).unwrap();
        let rotated = |members: Vec<u8>, epoch| Event::SetRotated {
            epoch,
            set_hash: set.hash(),
            hub_time: 7,
            members: members.into(),
        };
        lanes.admit(&rotated(set.encode(), 1)).unwrap();
        for event in [rotated(set.encode(), u64::MAX), rotated(vec![1, 2, 3], 1), rotated(Vec::new(), 1)] {
            assert!(lanes.admit(&event).is_err(), "{event:?}");
        }
        let other = ValidatorSet::new(vec![Address::repeat_byte(2)]).unwrap();
        assert!(lanes.admit(&rotated(other.encode(), 1)).is_err(), "another hash");
    }

    #[test]
    fn each_end_tells_its_own_part() {
        let mut lanes = Lanes::new(HERE, []);
        let (out, back) = (lane(1, 2, 1), lane(2, 1, 1));
        assert!(lanes.admit(&delivered(back.id())).is_err(), "before it is opened");
        lanes.admit(&Event::LaneOpened(opened(out, 1))).unwrap();
        lanes.admit(&delivered(back.id())).unwrap();
        assert!(lanes.admit(&delivered(out.id())).is_err(), "the far end delivers what is sent from here");
        assert_eq!(lanes.outbound(ChainId(2), 1), Some(out.id()));
        let again = lanes.admit(&Event::LaneOpened(opened(out, 1)));
        assert_eq!(again, Err(Foreign::Reopened(ChainId(2), 1)));
        let ended = LaneEnded {
            remote_chain: ChainId(2),
            generation: 1,
            outbound: out.id(),
            inbound: back.id(),
            outbox_nonce: 0,
            inbox: B256::ZERO,
        };
        lanes.admit(&Event::LaneEnded(ended)).unwrap();
        let other = LaneEnded { outbound: lane(2, 3, 1).id(), ..ended };
        assert!(lanes.admit(&Event::LaneEnded(other)).is_err());
    }
}
