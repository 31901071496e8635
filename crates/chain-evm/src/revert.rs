//! Revert data in words.

use alloy_primitives::Bytes;
use alloy_sol_types::{Panic, Revert, SolError, SolInterface};

use crate::bindings::{Gateway, TokenBridge, ValidatorRegistry};

/// Most characters of a description.
const MAX_CHARS: usize = 300;
/// A call that failed may wrap what failed in it, this often.
const MAX_DEPTH: usize = 4;
/// Longer data is not decoded: contracts bound what they pass on, so this is no contract's.
const MAX_DATA_LENGTH: usize = 64 << 10;

/// What a revert says; `fallback` when its data is of no known form. At most 300 characters in one line, without control
/// characters: the words are the recipient's or the node's, and end up in logs and the database.
pub(crate) fn describe(data: &Bytes, fallback: &str) -> String {
    let text = if data.len() > MAX_DATA_LENGTH { None } else { decoded(data, MAX_DEPTH) };
    let text = text.as_deref().unwrap_or(fallback);
    text.chars().take(MAX_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn decoded(data: &[u8], depth: usize) -> Option<String> {
    if let Ok(error) = Gateway::GatewayErrors::abi_decode(data) {
        if let Gateway::GatewayErrors::ExecutionFailed(inner) = &error {
            let inner = depth.checked_sub(1).and_then(|depth| decoded(&inner.reason, depth));
            return Some(format!("ExecutionFailed: {}", inner.as_deref().unwrap_or("no reason given")));
        }
        return Some(format!("{error:?}"));
    }
    if let Ok(error) = TokenBridge::TokenBridgeErrors::abi_decode(data) {
        return Some(format!("{error:?}"));
    }
    if let Ok(error) = ValidatorRegistry::ValidatorRegistryErrors::abi_decode(data) {
        return Some(format!("{error:?}"));
    }
    if let Ok(revert) = Revert::abi_decode(data) {
        return Some(revert.reason);
    }
    Panic::abi_decode(data).ok().map(|panic| panic.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(reason: Vec<u8>) -> Vec<u8> {
        Gateway::ExecutionFailed { reason: reason.into() }.abi_encode()
    }

    fn said(reason: &str) -> Vec<u8> {
        Revert { reason: reason.to_owned() }.abi_encode()
    }

    #[test]
    fn known_forms_are_put_into_words() {
        assert_eq!(describe(&said("no").into(), ""), "no");
        assert_eq!(describe(&failed(said("no")).into(), ""), "ExecutionFailed: no");
        assert_eq!(describe(&failed(Vec::new()).into(), ""), "ExecutionFailed: no reason given");
        assert_eq!(describe(&Bytes::new(), "fallback"), "fallback");
    }

    /// Attack: a recipient reverts with a zero byte, which PostgreSQL refuses in a text; were it kept, the try could not
    /// be noted, and whatever waits behind it in the lane would not be executed.
    #[test]
    fn what_a_recipient_says_can_be_stored_and_logged() {
        let text = describe(&failed(said("a\0b\n2026-01-01 ERROR forged")).into(), "");
        assert_eq!(text, "ExecutionFailed: a b 2026-01-01 ERROR forged");
        assert_eq!(describe(&said(&"x".repeat(10_000)).into(), "").len(), MAX_CHARS);
        assert_eq!(describe(&Bytes::new(), &"\0".repeat(10_000)), " ".repeat(MAX_CHARS));
    }

    /// Attack: a node answers with failures wrapped in failures. Each layer would cost a copy and a stack frame.
    #[test]
    fn layers_are_bounded() {
        let mut data = said("deep");
        for _ in 0..600 {
            data = failed(data);
        }
        let text = describe(&data.into(), "");
        assert_eq!(text, format!("{}no reason given", "ExecutionFailed: ".repeat(MAX_DEPTH + 1)));
        assert_eq!(describe(&failed(vec![0; MAX_DATA_LENGTH]).into(), "too long"), "too long");
    }
}
