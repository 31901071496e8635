//! What has to be known of an EVM chain.

use std::time::Duration;

use alloy_primitives::Address;
use icc_chain::{ChainError, Finality, HeadHints};
use icc_protocol::ChainId;
use icc_rpc::{Endpoint, HeadSource, Pool, spawn_head_hints};
use url::Url;

use crate::fees::FeePolicy;

/// An EVM chain and how to reach it.
#[derive(Debug, Clone)]
pub struct EvmChain {
    /// EIP-155 chain id.
    pub id: ChainId,
    /// A name for people.
    pub name: String,
    /// The gateway on it.
    pub gateway: Address,
    /// The token bridge on it; zero: there is none.
    pub token_bridge: Address,
    /// The network's registry, if this is the hub.
    pub registry: Option<Address>,
    /// HTTP endpoints.
    pub endpoints: Vec<Url>,
    /// Websocket for head hints.
    pub websocket: Option<Url>,
    /// When a block is final.
    pub finality: Finality,
    /// Whether a revert of that costs enough for a false checkpoint of this chain to be a lie for certain.
    pub economic_finality: bool,
    /// How often to look for a new head without a websocket.
    pub poll_interval: Duration,
    /// Longest that a call may take.
    pub timeout: Duration,
    /// Endpoints that must agree (validators).
    pub quorum: usize,
    /// Most blocks asked for in one range of logs.
    pub max_range: u64,
    /// What the relay may pay.
    pub fees: FeePolicy,
}

/// A chain's configuration that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Fewer endpoints than must agree.
    #[error("chain {chain}: rpc_quorum is {quorum}, but there are only {endpoints} endpoints in rpc_urls")]
    QuorumAboveEndpoints {
        /// Which chain.
        chain: ChainId,
        /// Configured quorum.
        quorum: usize,
        /// Configured endpoints.
        endpoints: usize,
    },
    /// A quorum that a single endpoint, or none, can make against another.
    #[error(
        "chain {chain}: rpc_quorum is {quorum} of {endpoints} endpoints; a validator needs at least 2, and a majority"
    )]
    QuorumTooLow {
        /// Which chain.
        chain: ChainId,
        /// Configured quorum.
        quorum: usize,
        /// Configured endpoints.
        endpoints: usize,
    },
    /// The same endpoint twice is one voice, not two.
    #[error("chain {chain}: {url} is in rpc_urls twice; each endpoint counts once")]
    DuplicateEndpoint {
        /// Which chain.
        chain: ChainId,
        /// Host and port.
        url: String,
    },
}

impl EvmChain {
    /// Checks that the endpoints can make a safe quorum, as a validator needs it.
    ///
    /// # Errors
    /// [`ConfigError`] naming the field.
    pub fn check_quorum(&self) -> Result<(), ConfigError> {
        let (chain, quorum, endpoints) = (self.id, self.quorum, self.endpoints.len());
        for (index, url) in self.endpoints.iter().enumerate() {
            // Two paths of one host are one provider's word, not two.
            let host = |url: &Url| {
                format!("{}:{}", url.host_str().unwrap_or("?"), url.port_or_known_default().unwrap_or(0))
            };
            if self.endpoints[..index].iter().any(|other| host(other) == host(url)) {
                let url = host(url);
                return Err(ConfigError::DuplicateEndpoint { chain, url });
            }
        }
        if quorum > endpoints {
            return Err(ConfigError::QuorumAboveEndpoints { chain, quorum, endpoints });
        }
        if quorum < 2 || quorum * 2 <= endpoints {
            return Err(ConfigError::QuorumTooLow { chain, quorum, endpoints });
        }
        Ok(())
    }

    /// The contracts whose events are followed.
    pub(crate) fn contracts(&self) -> Vec<Address> {
        [self.gateway, self.token_bridge].into_iter().filter(|address| !address.is_zero()).collect()
    }

    pub(crate) fn endpoints(&self) -> Result<Vec<Endpoint>, ChainError> {
        self.endpoints.iter().map(|url| Endpoint::new(url.clone(), self.timeout)).collect()
    }

    pub(crate) fn pool(&self) -> Result<Pool, ChainError> {
        Pool::new(self.endpoints()?)
    }

    pub(crate) fn head_hints(&self) -> HeadHints {
        spawn_head_hints(HeadSource { websocket: self.websocket.clone(), poll_interval: self.poll_interval })
    }
}
