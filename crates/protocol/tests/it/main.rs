//! Properties of the formats, and vectors that Solidity and other implementations are held to.
#![allow(missing_docs, clippy::unwrap_used)]

mod properties;
mod vectors;
