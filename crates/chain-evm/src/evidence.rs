//! What the registry and the gateways take as proof of a lie, and what else the hub is told.

use alloy_primitives::{B256, Bytes, U256};
use alloy_sol_types::SolCall;
use icc_chain::{Call, FalseCheckpoint};

use crate::bindings::{Gateway, IGateway, IReportRecipient, ValidatorRegistry};

/// For the gateway at the lane's source.
pub(crate) fn report(claim: &FalseCheckpoint) -> Bytes {
    let checkpoint = &claim.checkpoint;
    let (r, vs) = claim.signature.0.split_at(32);
    let call = Gateway::reportFalseCheckpointCall {
        claim: IReportRecipient::FalseCheckpoint {
            signer: claim.signer,
            reporter: claim.reporter,
            destinationChain: claim.destination.chain.0,
            destinationGateway: claim.destination.gateway,
            generation: claim.destination.generation,
            nonce: checkpoint.nonce,
            accumulator: checkpoint.accumulator,
            epoch: claim.membership.0,
            r: B256::from_slice(r),
            vs: B256::from_slice(vs),
        },
        proof: IGateway::CheckpointProof {
            member: U256::from(claim.membership.1),
            accumulator: claim.accumulator,
            leaves: claim.leaves.clone(),
        },
    };
    call.abi_encode().into()
}

/// For the registry; empty for what is not for it.
pub(crate) fn registry_call(call: &Call) -> Bytes {
    match call {
        Call::MakeEpoch => ValidatorRegistry::makeEpochCall {}.abi_encode().into(),
        Call::PostSignatures { epoch, signatures } => {
            let signatures = signatures.clone();
            ValidatorRegistry::postSignaturesCall { epoch: *epoch, signatures }.abi_encode().into()
        }
        Call::Jail { validator, signatures } => {
            ValidatorRegistry::jailCall { key: *validator, signatures: signatures.clone() }
                .abi_encode()
                .into()
        }
        Call::ProveEquivocation { one, other, reporter } => ValidatorRegistry::proveEquivocationCall {
            lane: one.0.lane.0,
            nonce: one.0.nonce,
            accumulatorA: one.0.accumulator,
            signatureA: one.1.0.into(),
            accumulatorB: other.0.accumulator,
            signatureB: other.1.0.into(),
            reporter: *reporter,
        }
        .abi_encode()
        .into(),
        Call::ProveFalseSet { record, signature, reporter } => ValidatorRegistry::proveFalseSetCall {
            epoch: record.epoch,
            setHash: record.set_hash,
            hubTime: record.hub_time,
            signature: signature.0.into(),
            reporter: *reporter,
        }
        .abi_encode()
        .into(),
        _ => Bytes::new(),
    }
}
