//! The other validators' word on what is final, asked for only while one's own endpoints are not of one mind.
//!
//! A majority of poisoned endpoints, with the honest one cut off, cannot be told from a majority of honest ones with one
//! missing: not by asking them. Other validators have other endpoints. So unless every endpoint says the same, nothing
//! is signed but a block that more than a third of the peers (of whom at least one is honest then) call final, or that is
//! an ancestor, by its hash, of what they call final. Their word can only make this validator stop; it never makes it sign
//! anything that its own endpoints do not prove.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use alloy_primitives::Address;
use async_trait::async_trait;
use futures::{StreamExt, stream::FuturesUnordered};
use icc_attest::FinalWord;
use icc_chain::{Prover, QuorumBlock};
use icc_protocol::{ChainId, Domain};
use tokio::time::timeout;
use url::Url;

use crate::{
    ancestry::Ancestry,
    fetch::fetch,
    trust::{PeerWord, VouchedFinal},
};

/// For a peer to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// A word is a few hundred bytes.
const MAX_ANSWER_BYTES: usize = 4096;
/// Heights tried below the one that one's own endpoints agree on.
const MAX_HEIGHTS: usize = 8;

/// Another validator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where it serves.
    pub url: Url,
    /// Whose signature its word must have.
    pub address: Address,
}

/// The way to other validators: each one's word on what is final at a height or above it.
#[async_trait]
pub trait AskPeers: Send + Sync + std::fmt::Debug {
    /// Asks one.
    ///
    /// # Errors
    /// In words.
    async fn final_word(&self, peer: &Peer, chain: ChainId, height: u64) -> Result<FinalWord, String>;
}

#[async_trait]
impl AskPeers for reqwest::Client {
    async fn final_word(&self, peer: &Peer, chain: ChainId, height: u64) -> Result<FinalWord, String> {
        fetch(self, &peer.url, &format!("v1/final/{chain}/{height}"), MAX_ANSWER_BYTES).await
    }
}

/// More than a third, so that one of them is honest.
fn needed(peers: usize) -> usize {
    peers / 3 + 1
}

/// The members of the trusted set beside this one, and where each serves as far as it is known.
#[derive(Debug, Default)]
struct Registered {
    members: Vec<Address>,
    /// The last that was believed of each: a member whose URL nobody tells now is still one of those who must vouch.
    urls: BTreeMap<Address, Url>,
}

/// The other validators of the network.
#[derive(Debug, Clone)]
pub struct Peers {
    way: Arc<dyn AskPeers>,
    domain: Domain,
    configured: Arc<Vec<Peer>>,
    registered: Arc<RwLock<Registered>>,
}

impl Peers {
    /// Peers, asked with `client`.
    pub fn new(client: reqwest::Client, domain: Domain, peers: Vec<Peer>) -> Self {
        Self::over(Arc::new(client), domain, peers)
    }

    /// Peers, asked in another way.
    pub fn over(way: Arc<dyn AskPeers>, domain: Domain, peers: Vec<Peer>) -> Self {
        Self { way, domain, configured: Arc::new(peers), registered: Arc::default() }
    }

    /// The members of the trusted set beside this one: from now on these are asked, instead of those before. `told` are
    /// the URLs that are newly known.
    pub(crate) fn registered(&self, members: Vec<Address>, told: Vec<Peer>) {
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        registered.urls.extend(told.into_iter().map(|peer| (peer.address, peer.url)));
        registered.urls.retain(|address, _| members.contains(address));
        registered.members = members;
    }

    /// Who can be asked: the trusted set's members if they are known, with the configured URL where there is one.
    pub(crate) fn asked(&self) -> Vec<Peer> {
        let members = self.members();
        if members.is_empty() {
            return self.configured.to_vec();
        }
        members.into_iter().filter_map(|(address, url)| Some(Peer { url: url?, address })).collect()
    }

    /// The newest block, at most `agreed`, that enough peers call final, directly or by a descendant of it.
    pub(crate) async fn vouched<P: Prover + ?Sized>(
        &self,
        prover: &P,
        agreed: QuorumBlock,
        ancestry: &mut Ancestry,
    ) -> Option<VouchedFinal> {
        let chain = prover.chain();
        let (peers, needed) = (self.asked(), self.needed());
        let height = agreed.at().number;
        let mut asking: FuturesUnordered<_> =
            peers.iter().map(|peer| self.ask(peer, chain, height)).collect();
        let mut words: Vec<PeerWord> = Vec::new();
        let mut voices = Vec::new();
        while let Some(word) = asking.next().await {
            let Some(word) = word else { continue };
            words.push(word);
            if word.block().number >= height
                && let Some(descent) = ancestry.descent(prover, word.block(), agreed.at()).await
            {
                voices.push((word, descent));
                if let Some(vouched) = VouchedFinal::count(agreed, &voices, needed) {
                    return Some(vouched);
                }
            }
        }
        // Not so far: as far as enough of them say.
        let mut heights: Vec<u64> =
            words.iter().map(|word| word.block().number).filter(|number| *number < height).collect();
        heights.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
        heights.dedup();
        for height in heights.into_iter().take(MAX_HEIGHTS) {
            let Ok(candidate) = prover.agreed_block(height).await else { continue };
            let mut voices = Vec::new();
            for word in words.iter().filter(|word| word.block().number >= height) {
                if let Some(descent) = ancestry.descent(prover, word.block(), candidate.at()).await {
                    voices.push((*word, descent));
                }
            }
            if let Some(vouched) = VouchedFinal::count(candidate, &voices, needed) {
                return Some(vouched);
            }
        }
        None
    }

    /// The members of the trusted set, and where each serves, if that is known; none before the set is.
    pub(crate) fn members(&self) -> Vec<(Address, Option<Url>)> {
        let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
        let url_of = |address: &Address| {
            let configured = self.configured.iter().find(|known| known.address == *address);
            configured.map(|known| &known.url).or_else(|| registered.urls.get(address)).cloned()
        };
        registered.members.iter().map(|address| (*address, url_of(address))).collect()
    }

    /// How many must vouch: of all members, also of those that cannot be asked.
    pub fn needed(&self) -> usize {
        let members = self.registered.read().unwrap_or_else(PoisonError::into_inner).members.len();
        needed(if members == 0 { self.configured.len() } else { members })
    }

    async fn ask(&self, peer: &Peer, chain: ChainId, height: u64) -> Option<PeerWord> {
        match timeout(PATIENCE, self.word(peer, chain, height)).await {
            Ok(Ok(word)) => Some(word),
            Ok(Err(problem)) => {
                tracing::debug!(peer = %peer.address, %chain, problem, "peer has no word that counts");
                None
            }
            Err(_) => None,
        }
    }

    async fn word(&self, peer: &Peer, chain: ChainId, height: u64) -> Result<PeerWord, String> {
        let word = self.way.final_word(peer, chain, height).await?;
        PeerWord::check(&word, &self.domain, chain, peer.address)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use icc_protocol::NetworkId;

    use super::*;

    fn peer(byte: u8) -> Peer {
        let url = format!("http://127.0.0.1:{byte}").parse().unwrap();
        Peer { url, address: Address::repeat_byte(byte) }
    }

    /// Attack: endpoints tell no URL of any member but one, which then would vouch alone.
    #[test]
    fn members_that_cannot_be_asked_still_count() {
        icc_service::install_tls();
        let domain = Domain::new(NetworkId(B256::repeat_byte(1)));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let peers = Peers::new(client, domain, vec![peer(1)]);
        assert_eq!((peers.needed(), peers.members().len()), (1, 0), "configured alone");
        let members: Vec<Address> = (1..=9).map(Address::repeat_byte).collect();
        peers.registered(members.clone(), vec![peer(9)]);
        assert_eq!(peers.needed(), 4);
        assert_eq!(peers.asked(), [peer(1), peer(9)]);
        // What was known of one stays known while nobody tells.
        peers.registered(members.clone(), vec![peer(2)]);
        assert_eq!(peers.asked(), [peer(1), peer(2), peer(9)]);
        peers.registered(members[..4].to_vec(), Vec::new());
        assert_eq!((peers.needed(), peers.asked()), (2, vec![peer(1), peer(2)]));
    }
}
