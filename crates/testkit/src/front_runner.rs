//! A stranger who delivers what the core is about to deliver, and is faster: validators' signatures are public, and
//! anybody may submit them.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_sol_types::SolCall;
use eyre::{OptionExt, bail, ensure};
use icc_attest::{Attestation, AttestationBatch};
use icc_chain::{ChainReader, Event};
use icc_chain_evm::{
    Account, EvmReader, FeePolicy,
    bindings::{Gateway, IGateway},
};
use icc_protocol::{Checkpoint, Domain, LaneId, SignatureSet, ValidatorSet, fold};

use crate::scene::Scene;

/// A tip that no relay offers, in wei per gas.
const TIP: u128 = 20_000_000_000;
/// Most leaves between the last message and its checkpoint; the gateway refuses more.
const MAX_TAIL: usize = 64;

/// The stranger, with nothing but public endpoints and some coin of the destination.
pub struct FrontRunner<'a> {
    scene: Scene<'a>,
    account: Account,
}

/// A message, and the accumulator after it.
type Sent = (Bytes, B256);

impl<'a> FrontRunner<'a> {
    /// Pays with the devnet's user's coin, and more for each gas than anybody else.
    ///
    /// # Errors
    /// If no client can be made.
    pub fn new(scene: Scene<'a>) -> eyre::Result<Self> {
        let mut chain = scene.devnet.configs[scene.to].clone();
        chain.fees = FeePolicy { min_priority_fee_per_gas: TIP, ..chain.fees };
        Ok(Self { scene, account: Account::new(chain, scene.devnet.user.clone())? })
    }

    /// Delivers the first half of what a quorum has signed and nobody has delivered; returns the transaction and how
    /// many messages it delivers, without waiting for it.
    ///
    /// # Errors
    /// If there are fewer than two such messages, or somebody cannot be asked.
    pub async fn deliver_first_half(&self) -> eyre::Result<(B256, usize)> {
        let remote = self.scene.remote().await?;
        let gateway = self.account.chain().gateway;
        let lane =
            LaneId(self.account.view(gateway, Gateway::laneFromCall { remote: remote.clone() }).await?);
        let sent = self.sent(lane, remote.generation).await?;
        let start = self.account.view(gateway, Gateway::inboxCall { lane: lane.0 }).await?;
        let done = if start == lane.0 {
            0
        } else {
            let at = sent.iter().position(|(_, accumulator)| *accumulator == start);
            at.ok_or_eyre("the inbox is at no accumulator of the outbox")? + 1
        };
        let (checkpoint, signatures) = self.quorum(lane, done as u64 + 1).await?;
        let covered = usize::try_from(checkpoint.nonce)?;
        ensure!(covered >= done + 2, "{} messages cannot be halved", covered - done);
        let half = (done + (covered - done) / 2).max(covered.saturating_sub(MAX_TAIL));
        let delivery = IGateway::Delivery {
            source: remote,
            startAccumulator: start,
            signatures: signatures.pack().into(),
            messages: framed(&sent[done..half]),
            tail: sent[half..covered].iter().map(|(message, _)| keccak256(message)).collect(),
        };
        let call = Gateway::deliverCall { delivery }.abi_encode().into();
        Ok((self.account.submit(Some(gateway), call, Default::default()).await?, half - done))
    }

    /// The lane's messages, as its source tells them.
    async fn sent(&self, lane: LaneId, generation: u32) -> eyre::Result<Vec<Sent>> {
        let chain = self.scene.devnet.configs[self.scene.from].clone();
        let range = chain.max_range;
        let reader = EvmReader::new(chain)?;
        let (head, mut from) = (reader.head().await?.at.number, 1);
        let (mut accumulator, mut sent) = (lane.0, Vec::new());
        while from <= head {
            let to = head.min(from + range - 1);
            for located in reader.events_in_range(from, to).await? {
                let Event::Sent(message) = located.event else { continue };
                if (message.destination, message.generation) == (self.account.chain().id, generation) {
                    accumulator = fold(accumulator, keccak256(&message.message));
                    sent.push((message.message, accumulator));
                }
            }
            from = to + 1;
        }
        Ok(sent)
    }

    /// The newest checkpoint of which the validators themselves serve a quorum's signatures.
    async fn quorum(&self, lane: LaneId, from: u64) -> eyre::Result<(Checkpoint, SignatureSet)> {
        let call = Gateway::validatorSetCall {};
        let set = self.account.view(self.account.chain().gateway, call).await?.set;
        let set = ValidatorSet::decode(&set)?;
        let mut all: Vec<(Attestation, Address)> = Vec::new();
        let domain = Domain::new(self.scene.devnet.network);
        let client = reqwest::Client::builder().no_proxy().build()?;
        for validator in &self.scene.devnet.validator_urls {
            let url = validator.join(&format!("v1/attestations/{lane}?from={from}"))?;
            let batch: AttestationBatch = client.get(url).send().await?.error_for_status()?.json().await?;
            for attestation in batch.attestations {
                let digest = domain.checkpoint_digest(&attestation.checkpoint());
                all.push((attestation, attestation.signature.recover(&digest)?));
            }
        }
        all.sort_by_key(|(attestation, _)| std::cmp::Reverse(attestation.nonce));
        for (newest, _) in &all {
            let same = all.iter().filter(|(one, _)| one.checkpoint() == newest.checkpoint());
            let signatures = same.map(|(one, signer)| (*signer, one.signature));
            if let Some(quorum) = SignatureSet::of_quorum(&set, signatures) {
                return Ok((newest.checkpoint(), quorum));
            }
        }
        bail!("the validators serve no quorum from nonce {from} on")
    }
}

/// Messages as a delivery carries them, each behind its length.
fn framed(messages: &[Sent]) -> Bytes {
    let mut framed = Vec::new();
    for (message, _) in messages {
        // A message is at most 85 + 10,240 bytes long, so its length fits two bytes.
        framed.extend_from_slice(&(message.len() as u16).to_be_bytes());
        framed.extend_from_slice(message);
    }
    framed.into()
}
