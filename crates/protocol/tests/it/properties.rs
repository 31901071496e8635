use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use icc_protocol::{
    ChainId, Checkpoint, CompactSignature, Domain, FollowUp, Kind, Lane, LaneId, Message, NetworkId,
    Progress, SIGN_INTERVAL, SignatureError, SignatureSet, TransferState, ValidatorSet, fold, fold_all,
    quorum, sign_points,
};
use proptest::{collection::vec, prelude::*};

fn hash() -> impl Strategy<Value = B256> {
    any::<[u8; 32]>().prop_map(B256::from)
}

fn message() -> impl Strategy<Value = Message> {
    let kind = prop_oneof![Just(Kind::Call), Just(Kind::Refund), Just(Kind::Evidence)];
    (kind, any::<u64>(), any::<u64>(), any::<u32>(), hash(), hash(), vec(any::<u8>(), 0..300)).prop_map(
        |(kind, nonce, deadline, gas_limit, sender, recipient, payload)| Message {
            kind,
            nonce,
            deadline,
            gas_limit,
            sender,
            recipient,
            payload: Bytes::from(payload),
        },
    )
}

fn lane() -> impl Strategy<Value = Lane> {
    (hash(), any::<u64>(), hash(), any::<u64>(), hash(), any::<u32>()).prop_map(
        |(network, source, source_gateway, destination, destination_gateway, generation)| Lane {
            network: NetworkId(network),
            source_chain: ChainId(source),
            source_gateway,
            destination_chain: ChainId(destination),
            destination_gateway,
            generation,
        },
    )
}

fn keys(count: usize) -> Vec<PrivateKeySigner> {
    let mut keys: Vec<PrivateKeySigner> = (0..count)
        .map(|i| PrivateKeySigner::from_bytes(&keccak256(format!("validator {i}"))).unwrap())
        .collect();
    keys.sort_by_key(PrivateKeySigner::address);
    keys
}

proptest! {
    #[test]
    fn messages_read_back(message in message()) {
        prop_assert_eq!(Message::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn any_bytes_decode_or_fail_without_panic(bytes in vec(any::<u8>(), 0..400)) {
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(message.encode(), bytes);
        }
    }

    #[test]
    fn every_field_of_a_message_changes_its_leaf(message in message(), position in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut bytes = message.encode();
        let position = position.index(bytes.len());
        bytes[position] ^= flip;
        prop_assert_ne!(keccak256(bytes), message.leaf());
    }

    #[test]
    fn every_field_of_a_lane_changes_its_id(lane in lane(), other in lane()) {
        for changed in [
            Lane { network: other.network, ..lane },
            Lane { source_chain: other.source_chain, ..lane },
            Lane { source_gateway: other.source_gateway, ..lane },
            Lane { destination_chain: other.destination_chain, ..lane },
            Lane { destination_gateway: other.destination_gateway, ..lane },
            Lane { generation: other.generation, ..lane },
        ] {
            prop_assert_eq!(changed.id() == lane.id(), changed == lane);
        }
        prop_assert_eq!(lane.reversed().reversed(), lane);
    }

    /// Leaving out, adding, altering or swapping any leaf leads to another accumulator.
    #[test]
    fn accumulators_commit_to_every_leaf_and_their_order(start in hash(), leaves in vec(hash(), 2..20), at in any::<prop::sample::Index>()) {
        let whole = fold_all(start, leaves.iter().copied());
        let at = at.index(leaves.len());
        let mut without = leaves.clone();
        without.remove(at);
        prop_assert_ne!(fold_all(start, without), whole);
        let mut altered = leaves.clone();
        altered[at].0[31] ^= 1;
        prop_assert_ne!(fold_all(start, altered), whole);
        let mut swapped = leaves.clone();
        let next = (at + 1) % swapped.len();
        swapped.swap(at, next);
        prop_assert_eq!(fold_all(start, swapped.clone()) == whole, swapped == leaves);
        let (head, tail) = leaves.split_at(at);
        prop_assert_eq!(fold_all(fold_all(start, head.iter().copied()), tail.iter().copied()), whole);
    }

    /// Sign points depend on the chain alone: looking at the messages in any two pieces that end at a block's end
    /// gives the same ones, and no gap between two is longer than a tail may be.
    #[test]
    fn sign_points_do_not_depend_on_how_one_looks(sizes in vec(1usize..150, 1..8), cut in any::<prop::sample::Index>()) {
        let mut messages = Vec::new();
        for (block, size) in sizes.iter().enumerate() {
            for _ in 0..*size {
                messages.push((messages.len() as u64 + 1, block as u64));
            }
        }
        let all: Vec<u64> = sign_points(&messages).collect();
        let end: usize = sizes[..=cut.index(sizes.len())].iter().sum();
        let (first, second) = messages.split_at(end);
        let pieces: Vec<u64> = sign_points(first).chain(sign_points(second)).collect();
        prop_assert_eq!(&pieces, &all);
        prop_assert_eq!(all.last(), messages.last().map(|m| &m.0));
        prop_assert!(all.windows(2).all(|pair| pair[1] - pair[0] <= SIGN_INTERVAL));
    }

    #[test]
    fn sets_read_back_and_refuse_disorder(mut members in vec(any::<[u8; 20]>(), 1..40)) {
        members.sort();
        members.dedup();
        members.retain(|member| *member != [0; 20]);
        prop_assume!(!members.is_empty());
        let set = ValidatorSet::new(members.iter().map(Address::from).collect()).unwrap();
        prop_assert_eq!(ValidatorSet::decode(&set.encode()).unwrap(), set.clone());
        prop_assert_eq!(set.quorum(), quorum(members.len()));
        prop_assert!(set.quorum() * 3 > members.len() * 2 && set.quorum() <= members.len());
        let doubled: Vec<Address> = set.members().iter().flat_map(|member| [*member, *member]).collect();
        prop_assert!(ValidatorSet::new(doubled).is_err());
        if members.len() > 1 {
            prop_assert!(ValidatorSet::new(set.members().iter().rev().copied().collect()).is_err());
        }
        prop_assert!(ValidatorSet::decode(&set.encode()[1..]).is_err());
    }

    #[test]
    fn any_bytes_as_packed_signatures_read_back_or_fail(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(set) = SignatureSet::unpack(&bytes) {
            prop_assert_eq!(set.pack(), bytes);
        }
    }

    #[test]
    fn quorums_pack_in_set_order(size in 1usize..20, present in any::<u32>(), digest in hash()) {
        let keys = keys(size);
        let set = ValidatorSet::new(keys.iter().map(PrivateKeySigner::address).collect()).unwrap();
        let signatures: Vec<(Address, CompactSignature)> = keys
            .iter()
            .enumerate()
            .filter(|(i, _)| present >> i & 1 == 1)
            .map(|(_, key)| (key.address(), key.sign_hash_sync(&digest).unwrap().into()))
            .rev()
            .collect();
        let enough = signatures.len() >= set.quorum();
        let packed = SignatureSet::of_quorum(&set, signatures);
        prop_assert_eq!(packed.is_some(), enough);
        if let Some(packed) = packed {
            prop_assert_eq!(packed.len(), set.quorum());
            prop_assert_eq!(SignatureSet::unpack(&packed.pack()).unwrap(), packed);
        }
    }

    /// One signer's many signatures, and strangers', never make a quorum.
    #[test]
    fn repeats_and_strangers_do_not_count(digest in hash()) {
        let keys = keys(5);
        let set = ValidatorSet::new(keys[..4].iter().map(PrivateKeySigner::address).collect()).unwrap();
        let mut signatures = vec![(keys[0].address(), keys[0].sign_hash_sync(&digest).unwrap().into()); 4];
        signatures.push((keys[4].address(), keys[4].sign_hash_sync(&digest).unwrap().into()));
        signatures.push((keys[1].address(), keys[1].sign_hash_sync(&digest).unwrap().into()));
        prop_assert!(SignatureSet::of_quorum(&set, signatures).is_none());
    }

    #[test]
    fn malleable_signatures_are_refused(digest in hash()) {
        let order = U256::from_str_radix("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141", 16).unwrap();
        let key = &keys(1)[0];
        let signature = key.sign_hash_sync(&digest).unwrap();
        let compact = CompactSignature::from(signature);
        prop_assert_eq!(compact.recover(&digest), Ok(key.address()));
        let twin = Signature::new(signature.r(), order - signature.s(), !signature.v());
        let mut bytes = [0u8; 64];
        bytes[..32].copy_from_slice(&twin.r().to_be_bytes::<32>());
        bytes[32..].copy_from_slice(&twin.s().to_be_bytes::<32>());
        // EIP-2098 has no room for the twin's top bit: what is left is refused or somebody else's.
        prop_assert_ne!(CompactSignature(bytes).recover(&digest), Ok(key.address()));
        let mut high = [0u8; 64];
        high[31] = 1;
        high[32..].copy_from_slice(&((order >> 1usize) + U256::from(1)).to_be_bytes::<32>());
        prop_assert_eq!(CompactSignature(high).recover(&digest), Err(SignatureError::HighS));
    }

    #[test]
    fn digests_differ_by_every_field(network in hash(), lane in hash(), nonce in any::<u64>(), accumulator in hash(), other in hash()) {
        let domain = Domain::new(NetworkId(network));
        let checkpoint = Checkpoint { lane: LaneId(lane), nonce, accumulator };
        let digest = domain.checkpoint_digest(&checkpoint);
        prop_assume!(other != network && other != lane && other != accumulator);
        prop_assert_ne!(Domain::new(NetworkId(other)).checkpoint_digest(&checkpoint), digest);
        prop_assert_ne!(domain.checkpoint_digest(&Checkpoint { lane: LaneId(other), ..checkpoint }), digest);
        prop_assert_ne!(domain.checkpoint_digest(&Checkpoint { nonce: nonce ^ 1, ..checkpoint }), digest);
        prop_assert_ne!(domain.checkpoint_digest(&Checkpoint { accumulator: other, ..checkpoint }), digest);
        prop_assert_ne!(domain.set_digest(nonce, accumulator, nonce), digest);
    }

    /// More facts never move a message back, and contradictions are errors.
    #[test]
    fn states_only_move_forward(bits in 0u8..128, more in 0u8..128) {
        let facts = |bits: u8| Progress {
            source_final: bits & 1 != 0,
            quorum: bits & 2 != 0,
            in_inbox: bits & 4 != 0,
            recorded: bits & 8 != 0,
            executed: bits & 16 != 0,
            destination_final: bits & 32 != 0,
            // Only what is recorded can expire.
            expired: bits & 72 == 72,
            ..Progress::default()
        };
        let (now, later) = (facts(bits), facts(bits | more));
        if let (Ok(now_state), Ok(later_state)) = (now.state(), later.state()) {
            // Being recorded is learnt together with being delivered.
            let recorded_later = later.recorded && !now.recorded && now.in_inbox;
            prop_assert!(recorded_later || now_state <= later_state, "{now:?} {later:?}");
        }
        let early = (now.recorded || now.executed || now.expired) && !now.in_inbox;
        let both = now.executed && now.expired;
        prop_assert_eq!(now.state().is_err(), early || both || (now.in_inbox && !now.source_final));
    }
}

#[test]
fn a_completed_message_has_run() {
    let recorded =
        Progress { source_final: true, quorum: true, in_inbox: true, recorded: true, ..Progress::default() };
    let waiting = Progress { destination_final: true, ..recorded };
    assert_eq!(waiting.state(), Ok(TransferState::Recorded), "final, but not executed");
    let done = Progress { executed: true, ..waiting };
    assert_eq!(done.state(), Ok(TransferState::Completed));
}

#[test]
fn a_message_is_where_what_it_led_to_is() {
    let arrived = Progress { source_final: true, quorum: true, in_inbox: true, ..Progress::default() };
    let after = |why, state| Progress { follow_up: Some((why, state)), ..arrived }.state().unwrap();
    assert_eq!(after(FollowUp::Forwarded, TransferState::Attested), TransferState::Forwarded);
    assert_eq!(after(FollowUp::Forwarded, TransferState::Queued), TransferState::Forwarded);
    assert_eq!(after(FollowUp::Forwarded, TransferState::Completed), TransferState::Completed);
    assert_eq!(after(FollowUp::Forwarded, TransferState::Refunded), TransferState::Refunded);
    assert_eq!(after(FollowUp::Returned, TransferState::Delivered), TransferState::Refunded);
    assert_eq!(after(FollowUp::Refund, TransferState::Recorded), TransferState::Refunding);
    // The second leg's refund, which home has sent on to where the tokens came from.
    assert_eq!(after(FollowUp::Refund, TransferState::Refunded), TransferState::Refunded);
    assert_eq!(Progress { queued: true, ..arrived }.state(), Ok(TransferState::Queued));
    assert!(!TransferState::Queued.is_settled() && TransferState::Refunded.is_settled());
}

#[test]
fn folding_is_keccak_of_both() {
    let (a, b) = (B256::repeat_byte(1), B256::repeat_byte(2));
    assert_eq!(fold(a, b), keccak256([a.0, b.0].concat()));
}
