//! The other validators' word on what is final, asked for only while one's own endpoints are not of one mind.
//!
//! A majority of poisoned endpoints, with the honest one cut off, cannot be told from a majority of honest ones with one
//! missing: not by asking them. Other validators have other endpoints. So unless every endpoint says the same, nothing
//! is signed beyond what more than a third of the peers (of whom at least one is honest then) call final as well. Their
//! word can only make this validator stop; it never makes it sign anything that its own endpoints do not prove.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use alloy_primitives::Address;
use futures::{StreamExt, stream::FuturesUnordered};
use icc_attest::FinalWord;
use icc_chain::{BlockRef, Prover};
use icc_protocol::{ChainId, Domain};
use tokio::time::timeout;
use url::Url;

use crate::fetch::fetch;

/// For a peer to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// A word is a few hundred bytes.
const MAX_ANSWER_BYTES: usize = 4096;

/// Another validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where it serves.
    pub url: Url,
    /// Whose signature its word must have.
    pub address: Address,
}

/// More than a third, so that one of them is honest.
fn needed(peers: usize) -> usize {
    peers / 3 + 1
}

/// The other validators of the network.
#[derive(Debug, Clone)]
pub struct Peers {
    client: reqwest::Client,
    domain: Domain,
    configured: Arc<Vec<Peer>>,
    registered: Arc<RwLock<Vec<Peer>>>,
}

impl Peers {
    /// Peers, asked with `client`.
    pub fn new(client: reqwest::Client, domain: Domain, peers: Vec<Peer>) -> Self {
        Self { client, domain, configured: Arc::new(peers), registered: Arc::default() }
    }

    /// The members of the trusted set, by the registry: from now on these are asked, instead of those before.
    pub(crate) fn registered(&self, peers: Vec<Peer>) {
        *self.registered.write().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    /// Who is asked: the registry's members if they are known, with the configured URL where there is one.
    pub(crate) fn asked(&self) -> Vec<Peer> {
        let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner).clone();
        if registered.is_empty() {
            return self.configured.to_vec();
        }
        let configured =
            |peer: &Peer| self.configured.iter().find(|known| known.address == peer.address).cloned();
        registered.into_iter().map(|peer| configured(&peer).unwrap_or(peer)).collect()
    }

    /// The newest block, at most `agreed`, that enough peers call final, directly or by a block that this validator's
    /// own endpoints agree comes before or after it on the same chain.
    pub(crate) async fn vouched<P: Prover + ?Sized>(&self, prover: &P, agreed: BlockRef) -> Option<BlockRef> {
        let chain = prover.chain();
        let peers = self.asked();
        let needed = needed(peers.len());
        let mut asking: FuturesUnordered<_> = peers.iter().map(|peer| self.ask(peer, chain)).collect();
        let mut vouched: Vec<BlockRef> = Vec::new();
        while let Some(word) = asking.next().await {
            let Some(word) = word else { continue };
            // The peer's block must be on the chain that the own endpoints agree on.
            let own = if word.number == agreed.number {
                Some(agreed)
            } else {
                prover.agreed_block(word.number).await.ok()
            };
            let Some(own) = own.filter(|own| *own == word) else {
                tracing::debug!(%chain, %word, "a peer's final block is not known here");
                continue;
            };
            vouched.push(if own.number > agreed.number { agreed } else { own });
            vouched.sort_by_key(|block| std::cmp::Reverse(block.number));
            if let Some(enough) = vouched.get(needed - 1)
                && *enough == agreed
            {
                return Some(agreed);
            }
        }
        vouched.get(needed - 1).copied()
    }

    /// The members of the trusted set; none before it is known.
    pub(crate) fn members(&self) -> Vec<Peer> {
        let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
        if registered.is_empty() {
            Vec::new()
        } else {
            drop(registered);
            self.asked()
        }
    }

    /// How many must vouch.
    pub fn needed(&self) -> usize {
        needed(self.asked().len())
    }

    async fn ask(&self, peer: &Peer, chain: ChainId) -> Option<BlockRef> {
        match timeout(PATIENCE, self.word(peer, chain)).await {
            Ok(Ok(block)) => Some(block),
            Ok(Err(problem)) => {
                tracing::debug!(peer = %peer.address, %chain, problem, "peer has no word");
                None
            }
            Err(_) => None,
        }
    }

    pub(crate) async fn word(&self, peer: &Peer, chain: ChainId) -> Result<BlockRef, String> {
        let path = format!("v1/final/{chain}");
        let word: FinalWord = fetch(&self.client, &peer.url, &path, MAX_ANSWER_BYTES).await?;
        let signer = word.block().signer(&self.domain, &word.signature).map_err(|error| error.to_string())?;
        if signer != peer.address || word.chain != chain {
            return Err(format!("word is of {signer} on chain {}", word.chain));
        }
        Ok(BlockRef { number: word.number, hash: word.hash })
    }
}
