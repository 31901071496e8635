//! The other validators: up to a third of them are the adversary's, and say what suits it.

use std::sync::{Arc, Mutex, PoisonError};

use alloy_primitives::B256;
use alloy_signer_local::PrivateKeySigner;
use async_trait::async_trait;
use icc_attest::FinalWord;
use icc_protocol::{ChainId, Domain, FinalBlock};
use icc_service::Signer;
use icc_validator::{AskPeers, Peer};
use rand::Rng;

use super::{
    chain::{HERE, NETWORK},
    node::Stage,
};

pub(super) struct Peers {
    pub(super) stage: Arc<Mutex<Stage>>,
    pub(super) keys: Vec<PrivateKeySigner>,
    /// The first so many are the adversary's.
    pub(super) evil: usize,
}

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peers({} of {} evil)", self.evil, self.keys.len())
    }
}

impl Peers {
    pub(super) fn all(&self) -> Vec<Peer> {
        let peers = self.keys.iter().enumerate().map(|(number, key)| Peer {
            url: format!("http://127.0.0.1:{}", number + 1).parse().unwrap_or_else(|_| unreachable!()),
            address: key.address(),
        });
        peers.collect()
    }

    /// Height and hash that a peer names.
    fn named(&self, number: usize, height: u64) -> Option<(u64, B256)> {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if number >= self.evil {
            // Honest: its endpoints may be a little behind; it knows every final block.
            let behind = stage.random.random_range(0..2);
            let newest = stage.world.finalized.saturating_sub(behind);
            let named = if height <= newest { height } else { newest };
            return Some((named, stage.world.at(0, named)?.hash));
        }
        if stage.random.random_bool(0.1) {
            return None;
        }
        let chains = stage.world.chains.len();
        let chain = stage.random.random_range(0..chains);
        let tip = stage.world.tip(chain);
        let named = if height <= tip && stage.random.random_bool(0.5) { height } else { tip };
        Some((named, stage.world.at(chain, named)?.hash))
    }
}

#[async_trait]
impl AskPeers for Peers {
    async fn final_word(&self, peer: &Peer, _: ChainId, height: u64) -> Result<FinalWord, String> {
        let number = self.keys.iter().position(|key| key.address() == peer.address).ok_or("nobody")?;
        let (named, hash) = self.named(number, height).ok_or("no answer")?;
        let block = FinalBlock { chain: HERE, number: named, hash, unanimous: true };
        let signature = Signer::new(self.keys[number].clone())
            .sign(&Domain::new(NETWORK).final_block_digest(&block))
            .map_err(|error| error.to_string())?;
        Ok(FinalWord { chain: HERE, number: named, hash, unanimous: true, signature })
    }
}
