//! Reads one chain: its events into the ledger, range by range, and its contracts' answers at the ledger's block.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use eyre::{OptionExt, bail};
use futures::{StreamExt, TryStreamExt, stream};
use icc_chain::{Block, ChainError, ChainReader};
use icc_chain_evm::{
    EvmChain, EvmReader,
    bindings::{DemoToken, Gateway, ITokenBridge, TokenBridge},
    token_id,
};
use icc_protocol::{ChainId, LaneId};

use crate::audit::{
    lanes::{Answers, OutboxAt, TokenAt},
    ledger::{Bridges, Ledger, Outbound},
};

/// Views asked for at once.
const AT_ONCE: usize = 8;

/// A chain that is read.
pub(crate) struct Source {
    chain: EvmChain,
    reader: EvmReader,
    /// Blocks in one range of logs: fewer when an endpoint cannot answer so many.
    range: u64,
    pub(crate) ledger: Ledger,
}

impl Source {
    /// A chain, read up to the last block before its gateway was deployed.
    pub(crate) async fn open(chain: EvmChain, start_block: u64, bridges: Bridges) -> eyre::Result<Self> {
        let reader = EvmReader::new(chain.clone())?;
        reader.check_chain_id().await?;
        let start = reader.block(start_block).await?.ok_or_eyre("has no block as high as start_block")?;
        let ledger = Ledger::new(chain.id, &chain.name, bridges, start.at);
        Ok(Self { range: chain.max_range.max(1), chain, reader, ledger })
    }

    /// Reads on up to the newest final block.
    pub(crate) async fn catch_up(&mut self) -> eyre::Result<()> {
        self.check().await?;
        let last: Block = self.reader.finalized().await?;
        while self.ledger.upto.number < last.at.number {
            let from = self.ledger.upto.number + 1;
            let to = last.at.number.min(self.ledger.upto.number.saturating_add(self.range));
            let events = match self.reader.events_in_range(from, to).await {
                Err(ChainError::RangeTooLarge { .. }) if self.range > 1 => {
                    self.range /= 2;
                    continue;
                }
                events => events?,
            };
            let end = if to == last.at.number { Some(last) } else { self.reader.block(to).await? };
            let end = end.ok_or_else(|| ChainError::UnknownBlock(to.to_string()))?;
            for event in &events {
                self.ledger.apply(event);
            }
            self.ledger.upto = end.at;
            self.range = self.range.saturating_mul(2).min(self.chain.max_range.max(1));
        }
        Ok(())
    }

    /// Is what has been read still there?
    async fn check(&self) -> eyre::Result<()> {
        let upto = self.ledger.upto;
        match self.reader.block(upto.number).await? {
            Some(block) if block.at == upto => Ok(()),
            Some(_) => bail!("has reverted block {upto}, which was final"),
            None => bail!("an endpoint lacks block {upto}, which another one has"),
        }
    }

    /// What the contracts answer at the ledger's block. `tokens`: those of which any chain has said that they are here.
    pub(crate) async fn answers(&self, tokens: &BTreeMap<B256, Here>) -> eyre::Result<Answers> {
        let mut answers = Answers::default();
        for (lane, outbound) in &self.ledger.outbound {
            if let Some(outbox) = self.outbox(*lane, outbound).await? {
                answers.outboxes.insert(*lane, outbox);
            }
        }
        for lane in self.ledger.inbound.keys() {
            answers.inboxes.insert(*lane, self.inbox(*lane).await?);
        }
        let asked =
            tokens.iter().map(|(id, here)| async move { eyre::Ok((*id, self.token(*id, here).await?)) });
        answers.tokens = stream::iter(asked).buffer_unordered(AT_ONCE).try_collect().await?;
        self.check().await?;
        Ok(answers)
    }

    async fn view<C: alloy_sol_types::SolCall>(&self, to: Address, call: C) -> Result<C::Return, ChainError> {
        self.reader.view_at(self.ledger.upto.number, to, call).await
    }

    async fn outbox(&self, lane: LaneId, outbound: &Outbound) -> Result<Option<OutboxAt>, ChainError> {
        let gateway = self.chain.gateway;
        if outbound.ended.is_some() {
            let end = self.view(gateway, Gateway::endOfCall { lane: lane.0 }).await?;
            let at = OutboxAt { nonce: end.nonce, accumulator: end.accumulator, resent_to: end.resendFrom };
            return Ok(Some(at).filter(|at| !at.accumulator.is_zero()));
        }
        let outbox = self.view(gateway, Gateway::outboxCall { chain: outbound.to.0 }).await?;
        let at = OutboxAt { nonce: outbox.nonce, accumulator: outbox.accumulator, resent_to: B256::ZERO };
        Ok(Some(at)
            .filter(|_| outbox.generation == outbound.generation && outbox.gateway == outbound.gateway))
    }

    async fn inbox(&self, lane: LaneId) -> Result<B256, ChainError> {
        let inbox = self.view(self.chain.gateway, Gateway::inboxCall { lane: lane.0 }).await?;
        if !inbox.is_zero() {
            return Ok(inbox);
        }
        self.view(self.chain.gateway, Gateway::lastInboxCall { lane: lane.0 }).await
    }

    async fn token(&self, id: B256, here: &Here) -> Result<TokenAt, ChainError> {
        let bridge = self.chain.token_bridge;
        if bridge.is_zero() {
            return Ok(TokenAt::default());
        }
        let info: ITokenBridge::Token = self.view(bridge, TokenBridge::tokenInfoCall { tokenId: id }).await?;
        if info.local.is_zero() {
            return Ok(TokenAt::default());
        }
        let mut held = BTreeMap::new();
        for chain in &here.remotes {
            let call = TokenBridge::heldCall { tokenId: id, chain: chain.0 };
            held.insert(*chain, self.view(bridge, call).await?);
        }
        Ok(TokenAt {
            kind: info.kind,
            local: info.local,
            vault: self.view(info.local, DemoToken::balanceOfCall { account: bridge }).await?,
            supply: self.view(info.local, DemoToken::totalSupplyCall {}).await?,
            held,
            queue: self.view(bridge, TokenBridge::queueOfCall { tokenId: id }).await?.waiting,
            claims: self.view(bridge, TokenBridge::claimsOfCall { tokenId: id }).await?,
        })
    }
}

/// A token on a chain: if that is its home, the chains that it was registered on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Here {
    remotes: BTreeSet<ChainId>,
}

/// The tokens of each chain, by what the homes have registered.
pub(crate) fn tokens<'a>(
    ledgers: impl Iterator<Item = &'a Ledger>,
) -> BTreeMap<ChainId, BTreeMap<B256, Here>> {
    let mut tokens: BTreeMap<ChainId, BTreeMap<B256, Here>> = BTreeMap::new();
    for ledger in ledgers {
        for registration in &ledger.registrations {
            let id = token_id(ledger.chain, Address::from_word(registration.home_token));
            let home = tokens.entry(ledger.chain).or_default().entry(id).or_default();
            home.remotes.insert(registration.to);
            tokens.entry(registration.to).or_default().entry(id).or_default();
        }
    }
    tokens
}
