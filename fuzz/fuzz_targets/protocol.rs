//! The protocol's packed forms and texts: messages, token payloads, signature sets, validator sets, signatures, ids.
//! The first byte chooses the decoder; what is decoded, encoded again, is what was read.
#![no_main]

use alloy_primitives::{B256, U256, keccak256, uint};
use icc_chain::Finality;
use icc_protocol::{
    AttachedCall, ChainId, CompactSignature, Kind, LaneId, MAX_PAYLOAD_LENGTH, Message, NetworkId,
    SignatureSet, TokenPayload, Transfer, ValidatorSet, quorum,
};
use libfuzzer_sys::fuzz_target;

/// Order of secp256k1 (SEC 2, section 2.4.1).
const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    match choice % 6 {
        0 => message(bytes),
        1 => token(bytes),
        2 => signatures(bytes),
        3 => validators(bytes),
        4 => signature(bytes),
        _ => texts(bytes),
    }
});

fn message(bytes: &[u8]) {
    let Ok(message) = Message::decode(bytes) else { return };
    assert_eq!(message.encode(), bytes);
    assert_eq!(message.leaf(), keccak256(bytes));
    let longest = if message.kind == Kind::Refund { MAX_PAYLOAD_LENGTH + 32 } else { MAX_PAYLOAD_LENGTH };
    assert!(message.payload.len() <= longest);
}

fn token(bytes: &[u8]) {
    match TokenPayload::decode(bytes) {
        // What follows is decoded by the contract alone.
        Some(TokenPayload::Registration { home_token }) => {
            assert_eq!(bytes[..33], [&[2], home_token.as_slice()].concat());
        }
        Some(payload) => assert_eq!(pack(&payload), bytes),
        None => assert!(bytes.len() < 165 || !(1..=4).contains(&bytes[0]), "{bytes:?}"),
    }
}

/// The layout of `TransferCodec.sol`, written a second time.
fn pack(payload: &TokenPayload) -> Vec<u8> {
    let (kind, transfer, tail) = match payload {
        TokenPayload::Registration { .. } => unreachable!("has no transfer"),
        TokenPayload::Transfer(transfer) => (1, transfer, Vec::new()),
        TokenPayload::Forward { transfer, to_chain, deadline } => {
            (3, transfer, [to_chain.0.to_be_bytes(), deadline.to_be_bytes()].concat())
        }
        TokenPayload::Forwarded { transfer, origin } => (4, transfer, origin.0.to_be_bytes().to_vec()),
    };
    let Transfer { token_id, amount, to, refund_to, call } = transfer;
    let mut packed = vec![kind];
    packed.extend(token_id);
    packed.extend(amount.to_be_bytes());
    packed.extend(to);
    packed.extend(refund_to);
    packed.extend(tail);
    if let Some(AttachedCall { from, gas, data }) = call {
        packed.extend(from);
        packed.extend(gas.to_be_bytes());
        packed.extend(data);
    }
    packed
}

fn signatures(bytes: &[u8]) {
    let Ok(set) = SignatureSet::unpack(bytes) else { return };
    assert_eq!(set.pack(), bytes);
    let bits: u32 = bytes[..32].iter().map(|byte| byte.count_ones()).sum();
    assert_eq!(set.len(), bits as usize);
    assert_eq!(set.is_empty(), bits == 0);
}

fn validators(bytes: &[u8]) {
    let Ok(set) = ValidatorSet::decode(bytes) else { return };
    assert_eq!(set.encode(), bytes);
    assert_eq!(set.hash(), keccak256(bytes));
    let members = set.members();
    assert!(members.is_sorted_by(|a, b| a < b) && !members[0].is_zero());
    for (place, member) in members.iter().enumerate() {
        assert_eq!(set.position(member), Some(place));
    }
    assert!(set.quorum() * 3 > members.len() * 2 && set.quorum() <= members.len());
    assert_eq!(set.quorum(), quorum(members.len()));
}

/// One signer has one signature that counts for what was signed, and it counts for nothing else.
fn signature(bytes: &[u8]) {
    let Some((digest, bytes)) = bytes.split_first_chunk::<32>() else { return };
    let Some((signature, _)) = bytes.split_first_chunk::<64>() else { return };
    let (digest, signature) = (B256::from(*digest), CompactSignature(*signature));
    let text = serde_json::to_string(&signature).expect("a signature can be written");
    assert_eq!(serde_json::from_str::<CompactSignature>(&text).expect("and read"), signature);
    let Ok(signer) = signature.recover(&digest) else { return };
    assert_ne!(signature.recover(&keccak256(digest)), Ok(signer), "another digest");
    let mut s = U256::from_be_slice(&signature.0[32..]);
    let odd = s.bit(255);
    s.set_bit(255, false);
    assert!(!s.is_zero() && s <= ORDER >> 1);
    let mut twin = ORDER - s;
    if !twin.bit(255) {
        twin.set_bit(255, !odd);
        let mut other = signature;
        other.0[32..].copy_from_slice(&twin.to_be_bytes::<32>());
        assert_ne!(other.recover(&digest), Ok(signer), "the malleable twin");
    }
}

fn texts(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(id) = text.parse::<ChainId>() {
        assert_ne!(id.0, 0);
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(id) = text.parse::<LaneId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(text.parse(), Ok(NetworkId(id.0)));
        let digits = text.to_lowercase();
        assert_eq!(digits.strip_prefix("0x").unwrap_or(&digits), &id.to_string()[2..]);
    }
    match text.parse::<Finality>() {
        Ok(finality) => assert_eq!(finality.to_string().parse(), Ok(finality)),
        Err(error) => assert!(error.0.chars().count() <= 40),
    }
    if let Err(error) = text.parse::<LaneId>() {
        assert!(error.value.chars().count() <= 80);
    }
}
