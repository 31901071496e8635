//! What validators cost: joining, following an epoch, and being found out.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::SolCall;
use icc_chain_evm::{
    bindings::{Gateway, IGateway, IReportRecipient, ValidatorRegistry},
    timelock,
};
use icc_protocol::{Checkpoint, CompactSignature, Domain};

use super::{Bench, GasRow};
use crate::hub::BOND;

/// Outboxes keep every accumulator at a multiple of this.
const SNAPSHOT_INTERVAL: usize = 256;

impl Bench {
    /// Of the validators; the lane is of no use afterwards.
    pub(super) async fn registry_rows(&mut self, recipient: Address) -> eyre::Result<Vec<GasRow>> {
        Ok(vec![
            GasRow { what: "register a validator", gas: self.register().await? },
            GasRow { what: "prove an equivocation", gas: self.equivocation().await? },
            GasRow {
                what: "report a false checkpoint, 255 leaves from a snapshot",
                gas: self.false_checkpoint(recipient).await?,
            },
            GasRow { what: "rotate to 19 validators", gas: self.rotate().await? },
        ])
    }

    async fn register(&self) -> eyre::Result<u64> {
        let key = self.destination.address();
        let allow = ValidatorRegistry::setAllowedCall { key, isAllowed: true };
        let acts: Vec<(Address, Bytes)> = vec![(self.registry, allow.abi_encode().into())];
        timelock::through_timelock(&self.destination, self.there.timelock, acts).await?;
        let url = "https://validator.example.org".to_owned();
        let call = ValidatorRegistry::registerCall { url, payout: key, amount: BOND };
        Ok(self.destination.pay(self.registry, call, U256::from(BOND)).await?.gas_used)
    }

    fn signed(&self, signer: usize, checkpoint: &Checkpoint) -> eyre::Result<CompactSignature> {
        Ok(self.signers[signer].sign(&Domain::new(self.network).checkpoint_digest(checkpoint))?)
    }

    async fn equivocation(&self) -> eyre::Result<u64> {
        let (lane, nonce) = (self.lane().await?, 7);
        let [a, b] = [1, 2].map(|byte| Checkpoint { lane, nonce, accumulator: B256::repeat_byte(byte) });
        let call = ValidatorRegistry::proveEquivocationCall {
            lane: lane.0,
            nonce,
            accumulatorA: a.accumulator,
            signatureA: self.signed(0, &a)?.0.into(),
            accumulatorB: b.accumulator,
            signatureB: self.signed(0, &b)?.0.into(),
            reporter: self.destination.address(),
        };
        Ok(self.destination.send(self.registry, call).await?.gas_used)
    }

    /// Signed right after a multiple of 256, proved by all leaves to the next.
    async fn false_checkpoint(&mut self, recipient: Address) -> eyre::Result<u64> {
        let end = self.leaves.len().div_ceil(SNAPSHOT_INTERVAL) * SNAPSHOT_INTERVAL + SNAPSHOT_INTERVAL;
        while self.leaves.len() <= end {
            self.send(recipient).await?;
        }
        let nonce = end - SNAPSHOT_INTERVAL + 1;
        let checkpoint =
            Checkpoint { lane: self.lane().await?, nonce: nonce as u64, accumulator: B256::repeat_byte(1) };
        let signature = self.signed(1, &checkpoint)?;
        let (r, vs) = signature.0.split_at(32);
        let claim = IReportRecipient::FalseCheckpoint {
            signer: self.signers[1].address(),
            reporter: self.source.address(),
            destinationChain: self.destination.chain().id.0,
            destinationGateway: self.there.gateway.into_word(),
            generation: 1,
            nonce: checkpoint.nonce,
            accumulator: checkpoint.accumulator,
            epoch: 1,
            r: B256::from_slice(r),
            vs: B256::from_slice(vs),
        };
        let proof = IGateway::CheckpointProof {
            member: U256::from(1),
            accumulator: self.accumulators[nonce - 1],
            leaves: self.leaves[nonce..end].to_vec(),
        };
        let call = Gateway::reportFalseCheckpointCall { claim, proof };
        Ok(self.source.send(self.here.gateway, call).await?.gas_used)
    }

    async fn rotate(&self) -> eyre::Result<u64> {
        let (epoch, hub_time) = (2, crate::hub::first_epoch_time());
        let digest = Domain::new(self.network).set_digest(epoch, self.set.hash(), hub_time);
        let call = Gateway::rotateCall {
            newSet: self.set.encode().into(),
            epoch,
            hubTime: hub_time,
            signatures: self.quorum(digest)?.into(),
        };
        Ok(self.source.send(self.here.gateway, call).await?.gas_used)
    }
}
