//! Reading for a validator: several endpoints, none trusted alone.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use alloy_primitives::{Address, B256};
use alloy_rpc_types_eth::Filter;
use async_trait::async_trait;
use futures::{StreamExt, stream::FuturesUnordered};
use icc_chain::{
    AgreedFinal, BlockRef, ChainError, HeadHints, Hub, HubProver, LocatedEvent, ProvedOutboxes, Prover,
};
use icc_evm_proof::{AccountClaim, StorageClaim, epoch_slots, outbox_slot, verify_account, verify_storage};
use icc_protocol::{ChainId, EpochRecord};
use icc_rpc::{Endpoint, Misdeed, agree, name_endpoint};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    EvmChain, EvmHub, events,
    node::{self, VerifiedHeader},
    reader::check_chain_id,
};

/// How long to wait for the rest once a quorum has answered.
const STRAGGLERS: Duration = Duration::from_millis(200);

/// Blocks by which healthy endpoints may differ.
const MAX_SPREAD: u64 = 8;

/// A proof that does not lead to the header. The endpoint may lie, or the chain may have changed since.
fn refuted(endpoint: &Endpoint, reason: String) -> ChainError {
    ChainError::Forged { endpoint: endpoint.name().to_owned(), reason }
}

/// A block that an endpoint (by its index) says it has reached.
struct Reached {
    endpoint: usize,
    block: BlockRef,
}

/// An EVM chain behind endpoints that are compared with each other.
pub struct EvmProver {
    config: EvmChain,
    endpoints: Vec<Endpoint>,
    hints: HeadHints,
    /// The endpoint whose proofs last verified; asked first.
    proving: AtomicUsize,
}

impl EvmProver {
    /// Connects lazily; starts the task that announces heads.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] if the endpoints cannot make a safe quorum.
    pub fn new(config: EvmChain) -> Result<Self, ChainError> {
        config.check_quorum().map_err(|error| ChainError::Misconfigured(error.to_string()))?;
        Ok(Self {
            endpoints: config.endpoints()?,
            hints: config.head_hints(),
            config,
            proving: AtomicUsize::new(0),
        })
    }

    /// Asks every endpoint for its chain id.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] if so many are on another chain that no quorum is left.
    pub async fn check_chain_id(&self) -> Result<(), ChainError> {
        check_chain_id(&self.endpoints, self.config.id, self.endpoints.len() - self.config.quorum).await
    }

    /// The header of a height that a quorum agrees on. Its hash has been recomputed, so its fields are agreed too.
    async fn agreed_header(&self, number: u64) -> Result<VerifiedHeader, ChainError> {
        self.header_by(number, self.config.quorum).await
    }

    async fn header_by(&self, number: u64, needed: usize) -> Result<VerifiedHeader, ChainError> {
        let questions = self.endpoints.iter().map(|endpoint| async move {
            let answer = node::header(endpoint, &node::number_tag(number)).await.and_then(|header| {
                header.ok_or_else(|| ChainError::UnknownBlock(format!("{number} at {}", endpoint.name())))
            });
            (endpoint.name().to_owned(), answer)
        });
        agree(&format!("block {number}"), needed, questions.collect()).await
    }

    /// The blocks that endpoints have reached, by what `ask` says of each, highest first; at least a quorum of them.
    async fn reached<F, Fut>(&self, what: &str, ask: F) -> Result<Vec<Reached>, ChainError>
    where
        F: Fn(Endpoint) -> Fut,
        Fut: Future<Output = Result<VerifiedHeader, ChainError>>,
    {
        let mut pending: FuturesUnordered<_> = self
            .endpoints
            .iter()
            .enumerate()
            .map(|(index, endpoint)| {
                let asking = ask(endpoint.clone());
                async move { (index, asking.await.map(|header| header.at())) }
            })
            .collect();
        let (mut blocks, mut errors) = (Vec::new(), Vec::new());
        let mut silent: BTreeSet<usize> = (0..self.endpoints.len()).collect();
        let mut settled = false;
        let patience = sleep(self.config.timeout);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                answer = pending.next() => match answer {
                    Some((index, answer)) => {
                        silent.remove(&index);
                        match answer {
                            Ok(block) => blocks.push(Reached { endpoint: index, block }),
                            Err(error) => errors.push(format!("; {error}")),
                        }
                    }
                    None => break,
                },
                () = &mut patience => break,
            }
            if !settled && self.is_settled(&mut blocks) {
                settled = true;
                patience.as_mut().reset(Instant::now() + STRAGGLERS);
            }
        }
        for index in silent {
            name_endpoint(self.endpoints[index].name(), Misdeed::Late, what);
            errors.push(format!("; {} has not answered", self.endpoints[index].name()));
        }
        if blocks.len() < self.config.quorum {
            return Err(ChainError::NoQuorum {
                what: what.to_owned(),
                agreeing: blocks.len(),
                asked: self.endpoints.len(),
                needed: self.config.quorum,
                details: errors.concat(),
            });
        }
        blocks.sort_by_key(|reached| std::cmp::Reverse(reached.block.number));
        Ok(blocks)
    }

    /// The highest block that at least a quorum of endpoints has reached.
    async fn by_quorum(&self, reached: &[Reached]) -> Result<BlockRef, ChainError> {
        let lowest = reached[self.config.quorum - 1].block;
        // Mostly all say the same, and no second question is needed.
        let same = reached.iter().filter(|reached| reached.block == lowest).count();
        let agreed =
            if same >= self.config.quorum { lowest } else { self.agreed_block(lowest.number).await? };
        for told in reached {
            if told.block.number == agreed.number && told.block != agreed {
                self.name(told, Misdeed::OtherAnswer, agreed);
            }
        }
        Ok(agreed)
    }

    fn name(&self, told: &Reached, misdeed: Misdeed, agreed: BlockRef) {
        let said = format!("it says {}, a quorum says {agreed}", told.block);
        name_endpoint(self.endpoints[told.endpoint].name(), misdeed, &said);
    }

    /// The highest block that every endpoint has reached, if they all agree on it.
    async fn by_all(&self, reached: &[Reached]) -> Option<BlockRef> {
        if reached.len() < self.endpoints.len() {
            return None;
        }
        let lowest = reached.last()?.block;
        if reached.iter().all(|reached| reached.block == lowest) {
            return Some(lowest);
        }
        self.header_by(lowest.number, self.endpoints.len()).await.ok().map(|header| header.at())
    }

    /// Whether a quorum has answered, and is not so far behind the best answer that a fast endpoint that stands still
    /// must be in it: then the slow ones are needed. They can only raise the height.
    fn is_settled(&self, blocks: &mut [Reached]) -> bool {
        blocks.sort_by_key(|reached| std::cmp::Reverse(reached.block.number));
        match (blocks.first(), blocks.get(self.config.quorum - 1)) {
            (Some(best), Some(reached)) => best.block.number - reached.block.number <= MAX_SPREAD,
            _ => false,
        }
    }

    /// Storage slots of a contract at an agreed block. Endpoints whose proof does not verify are passed over.
    async fn prove(
        &self,
        block: BlockRef,
        contract: Address,
        slots: &[B256],
    ) -> Result<Vec<B256>, ChainError> {
        let header = self.agreed_header(block.number).await?;
        if header.hash != block.hash {
            return Err(ChainError::UnknownBlock(block.to_string()));
        }
        let mut last = ChainError::UnknownBlock(block.to_string());
        let mut refuted: Vec<(usize, String)> = Vec::new();
        let start = self.proving.load(Ordering::Relaxed);
        for step in 0..self.endpoints.len() {
            let index = (start + step) % self.endpoints.len();
            match self.prove_at(&self.endpoints[index], &header, (contract, slots)).await {
                Ok(values) => {
                    self.proving.store(index, Ordering::Relaxed);
                    // Only now is it known that the block is the chain's, and that it can be proved.
                    for (endpoint, reason) in refuted {
                        name_endpoint(self.endpoints[endpoint].name(), Misdeed::Forgery, &reason);
                    }
                    return Ok(values);
                }
                Err(error) => {
                    if let ChainError::Forged { reason, .. } = &error {
                        refuted.push((index, reason.clone()));
                    }
                    last = error;
                }
            }
        }
        Err(last)
    }

    fn registry(&self) -> Result<Address, ChainError> {
        self.config.registry.ok_or_else(|| {
            ChainError::Misconfigured(format!(
                "chain {} is not the hub: hub.registry is missing",
                self.config.id
            ))
        })
    }

    async fn prove_at(
        &self,
        endpoint: &Endpoint,
        header: &VerifiedHeader,
        (contract, slots): (Address, &[B256]),
    ) -> Result<Vec<B256>, ChainError> {
        let proof = node::proof(endpoint, contract, slots, header.header.number).await?;
        let account = AccountClaim {
            address: contract,
            nonce: proof.nonce,
            balance: proof.balance,
            storage_root: proof.storage_hash,
            code_hash: proof.code_hash,
        };
        verify_account(header.header.state_root, &account, &proof.account_proof)
            .map_err(|error| refuted(endpoint, error.to_string()))?;
        let mut values = Vec::with_capacity(slots.len());
        for slot in slots {
            let told = proof.storage_proof.iter().find(|told| told.key.as_b256() == *slot);
            let told = told.ok_or_else(|| refuted(endpoint, format!("no proof of slot {slot}")))?;
            verify_storage(proof.storage_hash, &StorageClaim { slot: *slot, value: told.value }, &told.proof)
                .map_err(|error| refuted(endpoint, error.to_string()))?;
            values.push(B256::from(told.value));
        }
        Ok(values)
    }
}

#[async_trait]
impl Prover for EvmProver {
    fn chain(&self) -> ChainId {
        self.config.id
    }

    fn gateway(&self) -> B256 {
        Address::into_word(&self.config.gateway)
    }

    fn head_hints(&self) -> HeadHints {
        self.hints.clone()
    }

    fn endpoints(&self) -> Vec<String> {
        self.endpoints.iter().map(|endpoint| endpoint.name().to_owned()).collect()
    }

    async fn agreed_finalized(&self) -> Result<AgreedFinal, ChainError> {
        let finality = self.config.finality;
        let reached = self
            .reached("the final block", |e: Endpoint| async move { node::finalized(&e, finality).await })
            .await?;
        let by_quorum = self.by_quorum(&reached).await?;
        for told in &reached {
            if told.block.number.abs_diff(by_quorum.number) > MAX_SPREAD {
                self.name(told, Misdeed::OtherFinality, by_quorum);
            }
        }
        Ok(AgreedFinal { by_quorum, by_all: self.by_all(&reached).await })
    }

    async fn agreed_head(&self) -> Result<BlockRef, ChainError> {
        let reached = self
            .reached("the head", |endpoint: Endpoint| async move {
                let head = node::header(&endpoint, &json!("latest")).await?;
                head.ok_or_else(|| ChainError::UnknownBlock("latest".to_owned()))
            })
            .await?;
        self.by_quorum(&reached).await
    }

    async fn agreed_block(&self, number: u64) -> Result<BlockRef, ChainError> {
        Ok(self.agreed_header(number).await?.at())
    }

    async fn prove_outboxes(&self, block: BlockRef, to: &[ChainId]) -> Result<ProvedOutboxes, ChainError> {
        let slots: Vec<B256> = to.iter().map(|chain| outbox_slot(chain.0)).collect();
        let values = self.prove(block, self.config.gateway, &slots).await?;
        Ok(ProvedOutboxes { block, accumulators: to.iter().copied().zip(values).collect() })
    }

    async fn told_events(&self, from: u64, to: u64, attempt: usize) -> Result<Vec<LocatedEvent>, ChainError> {
        let endpoint = &self.endpoints[attempt % self.endpoints.len()];
        let gateway = self.config.gateway;
        let filter = Filter::new()
            .from_block(from)
            .to_block(to)
            .address(gateway)
            .event_signature(events::outbox_topics());
        let contracts = events::Contracts { gateway, token_bridge: Address::ZERO };
        events::decode(endpoint, &contracts, node::logs(endpoint, &filter).await?)
    }
}

#[async_trait]
impl HubProver for EvmProver {
    async fn prove_epoch(&self, block: BlockRef, epoch: u64) -> Result<Option<EpochRecord>, ChainError> {
        let values = self.prove(block, self.registry()?, &epoch_slots(epoch)).await?;
        let [set_hash, time] = values[..] else { return Ok(None) };
        let hub_time = u64::from_be_bytes(*time.last_chunk::<8>().unwrap_or(&[0; 8]));
        Ok((!set_hash.is_zero()).then_some(EpochRecord { epoch, set_hash, hub_time }))
    }

    fn told_by(&self, attempt: usize) -> Result<Box<dyn Hub>, ChainError> {
        let endpoint = self.endpoints[attempt % self.endpoints.len()].clone();
        Ok(Box::new(EvmHub::at(self.config.id, self.registry()?, endpoint)?))
    }
}
