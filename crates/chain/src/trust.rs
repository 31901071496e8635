//! How much is known of a block. Each kind of knowledge is a type of its own, and each check turns one into the next; a
//! [`BlockRef`] alone is what one endpoint names, and proves nothing.

use alloy_primitives::B256;

use crate::BlockRef;

/// A block that a quorum of a validator's endpoints has at its height. Nothing may be signed on that word alone: a quorum
/// can be poisoned while the rest is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuorumBlock(BlockRef);

impl QuorumBlock {
    /// Claims that a quorum of endpoints was asked and named this block.
    pub fn by_quorum(block: BlockRef) -> Self {
        Self(block)
    }

    /// Which one.
    pub fn at(&self) -> BlockRef {
        self.0
    }
}

/// A block that every single endpoint of a validator calls final, at this height and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnanimousFinal(BlockRef);

impl UnanimousFinal {
    /// Claims that every endpoint was asked, that each calls a block final that is at least so high, and that each has
    /// this hash at this height.
    pub fn by_every_endpoint(block: BlockRef) -> Self {
        Self(block)
    }

    /// Which one.
    pub fn at(&self) -> BlockRef {
        self.0
    }
}

/// A header whose hash was recomputed from its fields. It may be of any fork; but whoever knows its hash knows its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashedHeader {
    at: BlockRef,
    parent: B256,
    timestamp: u64,
}

impl HashedHeader {
    /// Claims that the hash was recomputed from a header with this height, parent and time (UNIX seconds).
    pub fn recomputed(at: BlockRef, parent: B256, timestamp: u64) -> Self {
        Self { at, parent, timestamp }
    }

    /// Height and hash.
    pub fn at(&self) -> BlockRef {
        self.at
    }

    /// Hash of the block before.
    pub fn parent(&self) -> B256 {
        self.parent
    }

    /// UNIX seconds, by the chain's clock.
    pub fn timestamp(&self) -> u64 {
        self.timestamp
    }
}
