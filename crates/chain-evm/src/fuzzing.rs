//! What the fuzz targets in `fuzz/` reach of this crate; in no other build.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256};
use alloy_rpc_types_eth::{Block, Log};
use icc_chain::{ChainError, LocatedEvent};
use icc_rpc::{Endpoint, EndpointError};
use serde_json::Value;

use crate::{events, node};

/// A verified header and its hash.
///
/// # Errors
/// As when a node is asked for a block.
pub fn header(endpoint: &Endpoint, block: Block, tag: &Value) -> Result<(B256, Header), ChainError> {
    node::verified(endpoint, block, tag).map(|verified| (verified.hash, verified.header))
}

/// The events of logs.
///
/// # Errors
/// As when a node is asked for logs.
pub fn events(
    endpoint: &Endpoint,
    gateway: Address,
    token_bridge: Address,
    logs: Vec<Log>,
) -> Result<Vec<LocatedEvent>, ChainError> {
    events::decode(endpoint, &events::Contracts { gateway, token_bridge }, logs)
}

/// What a refused call becomes.
pub fn execution_error(endpoint: &Endpoint, error: EndpointError) -> ChainError {
    node::execution_error(endpoint, error)
}
