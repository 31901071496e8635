//! Sends malformed bodies.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::body::Bytes;

use crate::{Call, Liar, Node, Reply};

/// Never the same nonsense twice in a row: no JSON, JSON that is no answer, answers of other types than asked for,
/// numbers out of range, nesting that overflows a careless parser's stack.
#[derive(Debug, Default)]
pub struct Malformed {
    told: AtomicUsize,
}

impl Malformed {
    const BODIES: [&'static [u8]; 10] = [
        b"",
        b"<html><body>502 Bad Gateway</body></html>",
        b"\xff\xfe\x00\x00",
        b"null",
        br#"{"jsonrpc":"2.0","id":1}"#,
        br#"{"jsonrpc":"2.0","id":1,"result":{"number":"0xffffffffffffffffffffffffffffffffff"}}"#,
        br#"{"jsonrpc":"2.0","id":1,"result":[{"topics":[null],"data":7}]}"#,
        br#"{"jsonrpc":"2.0","id":1,"result":-1e999}"#,
        br#"{"jsonrpc":"2.0","id":1,"result":"0xzz"}"#,
        &[b'['; 100_000],
    ];
}

#[async_trait]
impl Liar for Malformed {
    async fn reply(&self, _: &Call, _: &Node) -> eyre::Result<Reply> {
        let next = self.told.fetch_add(1, Ordering::Relaxed) % Self::BODIES.len();
        Ok(Reply::Raw(Bytes::from_static(Self::BODIES[next])))
    }
}
