//! Revert data in words.

use alloy_primitives::Bytes;
use alloy_sol_types::{Panic, Revert, SolError, SolInterface};

use crate::bindings::{Gateway, TokenBridge};

/// What a revert says; `fallback` when its data is of no known form.
pub(crate) fn describe(data: &Bytes, fallback: &str) -> String {
    if let Ok(error) = Gateway::GatewayErrors::abi_decode(data) {
        if let Gateway::GatewayErrors::ExecutionFailed(inner) = &error {
            return format!("ExecutionFailed: {}", describe(&inner.reason, "no reason given"));
        }
        return format!("{error:?}");
    }
    if let Ok(error) = TokenBridge::TokenBridgeErrors::abi_decode(data) {
        return format!("{error:?}");
    }
    if let Ok(revert) = Revert::abi_decode(data) {
        return revert.reason;
    }
    if let Ok(panic) = Panic::abi_decode(data) {
        return panic.to_string();
    }
    fallback.chars().take(300).collect()
}
