//! A quorum that lies, and tells nobody but the chain.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_signer::SignerSync;
use eyre::OptionExt;
use icc_chain::{Call, Delivery, Epoch, RemoteEnd};
use icc_chain_evm::{EvmSubmitter, Receipt, bindings::Gateway};
use icc_devnet::Devnet;
use icc_protocol::{Checkpoint, EpochRecord, Kind, Message, SignatureSet, ValidatorSet, fold};

use serde_json::json;

use super::{Traitor, lane};
use crate::bench::burst::{REPEATER, REPEATER_AT, repeated};

/// Rotates a gateway to a set of the traitors alone, as that of an epoch.
///
/// # Errors
/// If the traitors are no quorum, or the chain does not take it.
pub async fn rotate_falsely(
    devnet: &Devnet,
    traitors: &[Traitor],
    chain: usize,
    epoch: u64,
) -> eyre::Result<Receipt> {
    let (account, config) = (devnet.account(chain)?, &devnet.configs[chain]);
    let held = account.view(config.gateway, Gateway::validatorSetCall {}).await?;
    let mut members: Vec<Address> = traitors.iter().map(Traitor::address).collect();
    members.sort();
    let set = ValidatorSet::new(members)?;
    let record = EpochRecord { epoch, set_hash: set.hash(), hub_time: held.hubTime + 1 };
    let sign = |traitor: &Traitor| {
        eyre::Ok((traitor.address(), traitor.key.sign_hash_sync(&record.digest(&traitor.domain))?.into()))
    };
    let signatures = traitors.iter().map(sign).collect::<eyre::Result<Vec<_>>>()?;
    let signatures = SignatureSet::of_quorum(&ValidatorSet::decode(&held.set)?, signatures)
        .ok_or_eyre("too few traitors")?
        .pack()
        .into();
    let rotate = Call::Rotate(Box::new(Epoch { record, set, signatures }));
    let (gateway, data) = EvmSubmitter::new(config.clone(), &[])?.calldata(&rotate);
    Ok(account.transact(Some(gateway), data).await?)
}

/// Delivers a message that was never sent, under the signatures of a quorum of traitors; `hidden`: by another contract's
/// call.
///
/// # Errors
/// If the traitors are no quorum, or the chain does not take it.
pub async fn deliver_forged(
    devnet: &Devnet,
    traitors: &[Traitor],
    (from, to): (usize, usize),
    hidden: bool,
) -> eyre::Result<Receipt> {
    let (lane, _) = lane(devnet, from, to).await?;
    let (account, config) = (devnet.account(to)?, &devnet.configs[to]);
    let held = account.view(config.gateway, Gateway::validatorSetCall {}).await?;
    let set = ValidatorSet::decode(&held.set)?;
    let start: B256 = account.view(config.gateway, Gateway::inboxCall { lane: lane.id().0 }).await?;
    let sent = devnet.account(from)?;
    let call = Gateway::outboxCall { chain: lane.destination_chain.0 };
    let nonce = sent.view(devnet.configs[from].gateway, call).await?.nonce + 1;
    let message = Message {
        kind: Kind::Call,
        nonce,
        deadline: 0,
        gas_limit: 0,
        sender: B256::repeat_byte(0x66),
        recipient: B256::left_padding_from(&[0x66; 20]),
        payload: Bytes::from_static(b"never sent"),
    };
    let message = Bytes::from(message.encode());
    let accumulator = fold(start, keccak256(&message));
    let checkpoint = Checkpoint { lane: lane.id(), nonce, accumulator };
    let mut signatures = Vec::new();
    for traitor in traitors {
        signatures.push((traitor.address(), traitor.attestation(lane.id(), nonce, accumulator)?.signature));
    }
    let signatures = SignatureSet::of_quorum(&set, signatures).ok_or_eyre("too few traitors")?;
    let source =
        RemoteEnd { chain: lane.source_chain, gateway: lane.source_gateway, generation: lane.generation };
    let delivery = Call::Deliver(Box::new(Delivery {
        source,
        checkpoint,
        signatures: signatures.pack().into(),
        start_accumulator: start,
        messages: vec![message],
        tail: Vec::new(),
    }));
    let (gateway, data) = EvmSubmitter::new(config.clone(), &[])?.calldata(&delivery);
    if !hidden {
        return Ok(account.transact(Some(gateway), data).await?);
    }
    devnet.chains[to].rpc("anvil_setCode", json!([REPEATER_AT, Bytes::from(REPEATER)])).await?;
    Ok(account.transact(Some(REPEATER_AT), repeated(1, gateway, &data)).await?)
}
