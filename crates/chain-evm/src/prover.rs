//! Reading for a validator: several endpoints, none trusted alone.

mod storage;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use alloy_primitives::{Address, B256};
use alloy_rpc_types_eth::Filter;
use async_trait::async_trait;
use futures::{StreamExt, stream::FuturesUnordered};
use icc_chain::{
    AgreedFinal, BlockRef, ChainError, HashedHeader, HeadHints, Hub, HubProver, LocatedEvent, ProvedEpoch,
    ProvedOutboxes, Prover, QuorumBlock, UnanimousFinal,
};
use icc_evm_proof::{epoch_progress_slot, epoch_slots, outbox_slots, snapshot_slot};
use icc_protocol::{ChainId, EpochRecord, LaneId};
use icc_rpc::{Endpoint, Misdeed, agree, name_endpoint};
use serde_json::json;
use tokio::time::{Instant, sleep};

use self::storage::outbox;
use crate::{
    EvmChain, EvmHub, events,
    node::{self, VerifiedHeader},
    reader::check_chain_id,
};

/// How long to wait for the rest once a quorum has answered.
const STRAGGLERS: Duration = Duration::from_millis(200);

/// Blocks by which healthy endpoints may differ.
const MAX_SPREAD: u64 = 8;

/// Headers kept, by hash: what was agreed on is mostly what is proved next.
const MAX_HEADERS: usize = 64;

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
    /// Headers told of late. A hash fixes its header, whoever told it.
    headers: Mutex<VecDeque<VerifiedHeader>>,
}

impl EvmProver {
    /// Connects lazily; starts the task that announces heads.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] if the endpoints cannot make a safe quorum.
    pub fn new(config: EvmChain) -> Result<Self, ChainError> {
        let endpoints = config.endpoints()?;
        Self::over(config, endpoints)
    }

    /// The same over these endpoints, in place of those of the configuration's URLs.
    ///
    /// # Errors
    /// As [`EvmProver::new`].
    pub fn over(config: EvmChain, endpoints: Vec<Endpoint>) -> Result<Self, ChainError> {
        config.check_quorum().map_err(|error| ChainError::Misconfigured(error.to_string()))?;
        Ok(Self {
            endpoints,
            hints: config.head_hints(),
            config,
            proving: AtomicUsize::new(0),
            headers: Mutex::default(),
        })
    }

    /// Asks every endpoint for its chain id.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] if so many are on another chain that no quorum is left.
    pub async fn check_chain_id(&self) -> Result<(), ChainError> {
        check_chain_id(&self.endpoints, self.config.id, self.endpoints.len() - self.config.quorum).await
    }

    /// The header of a height that as many endpoints as needed agree on. Its hash has been recomputed, so its fields are
    /// agreed too.
    async fn header_by(&self, number: u64, needed: usize) -> Result<VerifiedHeader, ChainError> {
        let questions = self.endpoints.iter().map(|endpoint| async move {
            let answer = node::header(endpoint, &node::number_tag(number)).await.and_then(|header| {
                header.ok_or_else(|| ChainError::UnknownBlock(format!("{number} at {}", endpoint.name())))
            });
            (endpoint.name().to_owned(), answer)
        });
        let header = agree(&format!("block {number}"), needed, questions.collect()).await?;
        self.keep(&header);
        Ok(header)
    }

    /// The header with a hash, by whichever endpoint has it.
    async fn header_with(&self, hash: B256) -> Result<VerifiedHeader, ChainError> {
        let kept =
            self.headers.lock().ok().and_then(|kept| kept.iter().find(|kept| kept.hash == hash).cloned());
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let mut last = ChainError::UnknownBlock(hash.to_string());
        let start = self.proving.load(Ordering::Relaxed);
        for step in 0..self.endpoints.len() {
            let endpoint = &self.endpoints[(start + step) % self.endpoints.len()];
            match node::header_by_hash(endpoint, hash).await {
                Ok(Some(header)) => {
                    self.keep(&header);
                    return Ok(header);
                }
                Ok(None) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn keep(&self, header: &VerifiedHeader) {
        let Ok(mut kept) = self.headers.lock() else { return };
        if kept.iter().any(|one| one.hash == header.hash) {
            return;
        }
        kept.push_back(header.clone());
        if kept.len() > MAX_HEADERS {
            kept.pop_front();
        }
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
                async move { (index, asking.await) }
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
                            Ok(header) => {
                                self.keep(&header);
                                blocks.push(Reached { endpoint: index, block: header.at() });
                            }
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
    async fn by_quorum(&self, reached: &[Reached]) -> Result<QuorumBlock, ChainError> {
        let lowest = reached[self.config.quorum - 1].block;
        // Mostly all say the same, and no second question is needed.
        let same = reached.iter().filter(|reached| reached.block == lowest).count();
        let agreed = if same >= self.config.quorum {
            lowest
        } else {
            self.header_by(lowest.number, self.config.quorum).await?.at()
        };
        for told in reached {
            if told.block.number == agreed.number && told.block != agreed {
                self.name(told, Misdeed::OtherAnswer, agreed);
            }
        }
        Ok(QuorumBlock::by_quorum(agreed))
    }

    fn name(&self, told: &Reached, misdeed: Misdeed, agreed: BlockRef) {
        let said = format!("it says {}, a quorum says {agreed}", told.block);
        name_endpoint(self.endpoints[told.endpoint].name(), misdeed, &said);
    }

    /// The highest block that every endpoint has reached, if they all agree on it.
    async fn by_all(&self, reached: &[Reached]) -> Option<UnanimousFinal> {
        if reached.len() < self.endpoints.len() {
            return None;
        }
        let lowest = reached.last()?.block;
        if !reached.iter().all(|reached| reached.block == lowest) {
            let header = self.header_by(lowest.number, self.endpoints.len()).await.ok()?;
            // Also by the one that named it: it may answer otherwise the second time.
            if header.at() != lowest {
                return None;
            }
        }
        Some(UnanimousFinal::by_every_endpoint(lowest))
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

    fn registry(&self) -> Result<Address, ChainError> {
        self.config.registry.ok_or_else(|| {
            ChainError::Misconfigured(format!(
                "chain {} is not the hub: hub.registry is missing",
                self.config.id
            ))
        })
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
            if told.block.number.abs_diff(by_quorum.at().number) > MAX_SPREAD {
                self.name(told, Misdeed::OtherFinality, by_quorum.at());
            }
        }
        Ok(AgreedFinal { by_quorum, by_all: self.by_all(&reached).await })
    }

    async fn agreed_head(&self) -> Result<QuorumBlock, ChainError> {
        let reached = self
            .reached("the head", |endpoint: Endpoint| async move {
                let head = node::header(&endpoint, &json!("latest")).await?;
                head.ok_or_else(|| ChainError::UnknownBlock("latest".to_owned()))
            })
            .await?;
        self.by_quorum(&reached).await
    }

    async fn agreed_block(&self, number: u64) -> Result<QuorumBlock, ChainError> {
        Ok(QuorumBlock::by_quorum(self.header_by(number, self.config.quorum).await?.at()))
    }

    async fn header(&self, hash: B256) -> Result<HashedHeader, ChainError> {
        Ok(self.header_with(hash).await?.hashed())
    }

    async fn prove_outboxes(&self, block: BlockRef, to: &[ChainId]) -> Result<ProvedOutboxes, ChainError> {
        let header = self.header_with(block.hash).await?;
        let slots: Vec<B256> = to.iter().flat_map(|chain| outbox_slots(chain.0)).collect();
        let values = self.prove(&header, self.config.gateway, &slots).await?;
        let outboxes = to.iter().zip(values.chunks_exact(3)).filter_map(|(chain, words)| {
            let &[accumulator, word, gateway] = words else { return None };
            Some((*chain, outbox([accumulator?, word?, gateway?])))
        });
        Ok(ProvedOutboxes { header: header.hashed(), outboxes: outboxes.collect() })
    }

    async fn prove_snapshots(
        &self,
        block: BlockRef,
        lane: LaneId,
        indexes: &[u64],
    ) -> Result<Vec<B256>, ChainError> {
        let header = self.header_with(block.hash).await?;
        let slots: Vec<B256> = indexes.iter().map(|index| snapshot_slot(lane.0, *index)).collect();
        self.prove_all(&header, self.config.gateway, &slots).await
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
    async fn prove_epoch(&self, block: BlockRef, epoch: u64) -> Result<Option<ProvedEpoch>, ChainError> {
        let header = self.header_with(block.hash).await?;
        let values = self.prove_all(&header, self.registry()?, &epoch_slots(epoch)).await?;
        let [set_hash, time] = values[..] else { return Ok(None) };
        let hub_time = u64::from_be_bytes(*time.last_chunk::<8>().unwrap_or(&[0; 8]));
        let record = EpochRecord { epoch, set_hash, hub_time };
        Ok((!set_hash.is_zero()).then(|| ProvedEpoch { block: header.at(), record }))
    }

    async fn prove_signed_epoch(&self, block: BlockRef) -> Result<u64, ChainError> {
        let header = self.header_with(block.hash).await?;
        let values = self.prove_all(&header, self.registry()?, &[epoch_progress_slot()]).await?;
        let signed = values.first().and_then(|word| word[16..24].try_into().ok());
        Ok(signed.map(u64::from_be_bytes).unwrap_or_default())
    }

    fn told_by(&self, attempt: usize) -> Result<Box<dyn Hub>, ChainError> {
        let endpoint = self.endpoints[attempt % self.endpoints.len()].clone();
        Ok(Box::new(EvmHub::at(self.config.id, self.registry()?, endpoint)?))
    }
}
