//! One direction between two gateways.

use std::sync::LazyLock;

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

use crate::{ChainId, LaneId, NetworkId};

/// `keccak256("iCrossChain lane v1")`. Its first byte is no message kind, so a lane's preimage is never a message.
static LANE_TAG: LazyLock<B256> = LazyLock::new(|| keccak256("iCrossChain lane v1"));

/// What a lane id commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lane {
    /// The deployment.
    pub network: NetworkId,
    /// Where messages are sent.
    pub source_chain: ChainId,
    /// The sending gateway; EVM addresses are left-padded to 32 bytes.
    pub source_gateway: B256,
    /// Where they are delivered.
    pub destination_chain: ChainId,
    /// The delivering gateway.
    pub destination_gateway: B256,
    /// From 1; a closed lane is succeeded by the next generation.
    pub generation: u32,
}

impl Lane {
    /// `keccak256(abi.encode(LANE_TAG, network, source chain, source gateway, destination chain, destination gateway,
    /// generation))`: seven 32-byte words.
    pub fn id(&self) -> LaneId {
        let mut words = [0u8; 7 * 32];
        words[..32].copy_from_slice(LANE_TAG.as_slice());
        words[32..64].copy_from_slice(self.network.0.as_slice());
        words[88..96].copy_from_slice(&self.source_chain.0.to_be_bytes());
        words[96..128].copy_from_slice(self.source_gateway.as_slice());
        words[152..160].copy_from_slice(&self.destination_chain.0.to_be_bytes());
        words[160..192].copy_from_slice(self.destination_gateway.as_slice());
        words[220..224].copy_from_slice(&self.generation.to_be_bytes());
        LaneId(keccak256(words))
    }

    /// The lane in the other direction, of the same generation.
    pub fn reversed(&self) -> Self {
        Self {
            source_chain: self.destination_chain,
            source_gateway: self.destination_gateway,
            destination_chain: self.source_chain,
            destination_gateway: self.source_gateway,
            ..*self
        }
    }
}
