//! From what is told to what may be signed: a type for each step, and one way from each to the next.
//!
//! | type | says |
//! |---|---|
//! | [`BlockRef`] | one endpoint names it |
//! | [`QuorumBlock`](icc_chain::QuorumBlock) | a quorum of one's own endpoints has it at its height |
//! | [`UnanimousFinal`] | every one of them calls it final, at this height and hash |
//! | [`VouchedFinal`] | a quorum of them does, and more than a third of the other validators, at least one of them honest |
//! | [`FinalHead`] | one of the last two |
//! | [`SignableBlock`] | a final head, or an ancestor of it by hashes that were recomputed |
//!
//! Only [`FinalHead::reach`] makes a [`SignableBlock`], and only that makes what the journal and the signer take
//! ([`SignableCheckpoints`], [`SignableSet`]). A block that somebody names cannot be signed; it does not compile:
//!
//! ```compile_fail,E0308
//! async fn forge(attestor: &icc_validator::Attestor, named: icc_chain::BlockRef) {
//!     let _ = attestor.attest(named).await;
//! }
//! ```
//! ```compile_fail,E0451
//! fn forge(header: icc_chain::HashedHeader) -> icc_validator::SignableBlock {
//!     icc_validator::SignableBlock { header }
//! }
//! ```
//! ```
//! async fn sign(attestor: &icc_validator::Attestor, proved: icc_validator::SignableCheckpoints) {
//!     let _ = attestor.attest(proved).await;
//! }
//! ```

use std::collections::BTreeSet;

use alloy_primitives::Address;
use icc_attest::FinalWord;
use icc_chain::{BlockRef, HashedHeader, ProvedEpoch, QuorumBlock, UnanimousFinal};
use icc_protocol::{ChainId, Checkpoint, Domain, EpochRecord};

use crate::{ChainState, Folded};

/// Another validator's word, with its signature checked, that a block is final by every one of its endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PeerWord {
    of: Address,
    block: BlockRef,
}

impl PeerWord {
    /// A word, if it is this validator's, of this chain, and rests on every endpoint of the speaker. One that rests on a
    /// quorum alone counts for nothing: whoever holds a provider that all share could make all of them say it.
    pub(crate) fn check(
        word: &FinalWord,
        domain: &Domain,
        chain: ChainId,
        of: Address,
    ) -> Result<Self, String> {
        let signer = word.block().signer(domain, &word.signature).map_err(|error| error.to_string())?;
        if signer != of || word.chain != chain {
            return Err(format!("word is of {signer} on chain {}", word.chain));
        }
        if !word.unanimous {
            return Err("word rests on a quorum of its endpoints alone".to_owned());
        }
        Ok(Self { of, block: BlockRef { number: word.number, hash: word.hash } })
    }

    pub(crate) fn block(&self) -> BlockRef {
        self.block
    }
}

/// Headers from a block down to an ancestor of it, each the parent of the one before by its recomputed hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descent(Vec<HashedHeader>);

impl Descent {
    /// Headers in order from the highest down; `None` if they are not parents of one another.
    pub(crate) fn new(headers: Vec<HashedHeader>) -> Option<Self> {
        let linked = headers.windows(2).all(|pair| {
            pair[0].parent() == pair[1].at().hash
                && pair[0].at().number.checked_sub(1) == Some(pair[1].at().number)
        });
        (linked && !headers.is_empty()).then_some(Self(headers))
    }

    pub(crate) fn headers(&self) -> &[HashedHeader] {
        &self.0
    }

    fn top(&self) -> BlockRef {
        self.0[0].at()
    }

    fn bottom(&self) -> HashedHeader {
        self.0[self.0.len() - 1]
    }
}

/// A block that a quorum of this validator's endpoints agrees on, and that enough other validators call final, it or a
/// descendant of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VouchedFinal(BlockRef);

impl VouchedFinal {
    /// Counts the voices for a block: each validator once, for a word about the block itself or a descendant of it.
    /// With more than a third of the others at least one of them is honest, and so its block is on the chain and final,
    /// and all its ancestors are.
    pub(crate) fn count(
        candidate: QuorumBlock,
        voices: &[(PeerWord, Descent)],
        needed: usize,
    ) -> Option<Self> {
        let block = candidate.at();
        let for_it = voices
            .iter()
            .filter(|(word, descent)| descent.top() == word.block && descent.bottom().at() == block)
            .map(|(word, _)| word.of);
        let voices: BTreeSet<Address> = for_it.collect();
        (needed > 0 && voices.len() >= needed).then_some(Self(block))
    }
}

/// A block that is final beyond what any endpoint, or any quorum of them, can make up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinalHead(BlockRef);

impl From<UnanimousFinal> for FinalHead {
    fn from(block: UnanimousFinal) -> Self {
        Self(block.at())
    }
}

impl From<VouchedFinal> for FinalHead {
    fn from(block: VouchedFinal) -> Self {
        Self(block.0)
    }
}

impl FinalHead {
    /// Which one.
    pub fn at(&self) -> BlockRef {
        self.0
    }

    /// The block that headers lead to, from the head down, parent by parent; `None` if they do not begin at the head or
    /// are not linked by their hashes.
    pub fn reach(&self, headers: &[HashedHeader]) -> Option<SignableBlock> {
        let descent = Descent::new(headers.to_vec())?;
        (descent.top() == self.0).then(|| SignableBlock { header: descent.bottom() })
    }
}

/// A block whose outboxes and epochs may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignableBlock {
    header: HashedHeader,
}

impl SignableBlock {
    /// Which one.
    pub fn at(&self) -> BlockRef {
        self.header.at()
    }

    /// UNIX seconds, by the chain's clock.
    pub fn timestamp(&self) -> u64 {
        self.header.timestamp()
    }

    /// Checkpoints that events lead to from what was proved in this very block's state; `None` for another block's.
    pub fn checkpoints(&self, chain: ChainId, folded: Folded) -> Option<SignableCheckpoints> {
        let Folded { block, state, checkpoints, .. } = folded;
        (block == self.at()).then_some(SignableCheckpoints { chain, state, checkpoints })
    }

    /// An epoch's set that was proved in this very block's state; `None` for another block's.
    pub fn set(&self, proved: ProvedEpoch) -> Option<SignableSet> {
        (proved.block == self.at()).then_some(SignableSet(proved.record))
    }
}

/// Checkpoints that may be journalled and signed, and how far the chain is followed with them.
#[derive(Debug, Clone)]
pub struct SignableCheckpoints {
    chain: ChainId,
    /// `None` for older sign points, which change nothing of how far the chain is followed.
    state: Option<ChainState>,
    checkpoints: Vec<Checkpoint>,
}

impl SignableCheckpoints {
    /// The chain, and how far it is followed with these.
    pub fn progress(&self) -> (ChainId, Option<&ChainState>) {
        (self.chain, self.state.as_ref())
    }

    /// In order, lane by lane.
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    #[cfg(test)]
    pub(crate) fn for_test(chain: ChainId, state: ChainState, checkpoints: Vec<Checkpoint>) -> Self {
        Self { chain, state: Some(state), checkpoints }
    }
}

/// An epoch's set that may be journalled and signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignableSet(EpochRecord);

impl SignableSet {
    /// What is signed.
    pub fn record(&self) -> EpochRecord {
        self.0
    }

    #[cfg(test)]
    pub(crate) fn for_test(record: EpochRecord) -> Self {
        Self(record)
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;

    fn block(number: u64, fill: u8) -> BlockRef {
        BlockRef { number, hash: B256::repeat_byte(fill) }
    }

    fn header(number: u64, fill: u8, parent: u8) -> HashedHeader {
        HashedHeader::recomputed(block(number, fill), B256::repeat_byte(parent), 0)
    }

    #[test]
    fn only_an_unbroken_descent_from_the_head_itself_reaches_a_block() {
        let head = FinalHead::from(UnanimousFinal::by_every_endpoint(block(9, 9)));
        let reached = |headers: &[HashedHeader]| head.reach(headers).map(|reached| reached.at());
        assert_eq!(reached(&[header(9, 9, 8)]), Some(block(9, 9)));
        assert_eq!(reached(&[header(9, 9, 8), header(8, 8, 7)]), Some(block(8, 8)));
        assert_eq!(reached(&[]), None);
        assert_eq!(reached(&[header(8, 8, 7)]), None, "it does not begin at the head");
        assert_eq!(reached(&[header(9, 9, 8), header(8, 5, 7)]), None, "another fork's block");
        assert_eq!(reached(&[header(9, 9, 8), header(7, 8, 7)]), None, "a height is left out");
    }

    #[test]
    fn a_voice_counts_once_and_for_its_own_block_and_its_ancestors_alone() {
        let candidate = QuorumBlock::by_quorum(block(8, 8));
        let word = |of: u8, block| PeerWord { of: Address::repeat_byte(of), block };
        let at = |headers: &[HashedHeader]| Descent::new(headers.to_vec()).unwrap();
        let itself = (word(1, block(8, 8)), at(&[header(8, 8, 7)]));
        let above = (word(2, block(9, 9)), at(&[header(9, 9, 8), header(8, 8, 7)]));
        let fork = (word(3, block(9, 6)), at(&[header(9, 6, 5), header(8, 5, 4)]));
        let stolen = (word(4, block(9, 6)), at(&[header(9, 9, 8), header(8, 8, 7)]));
        let vouched = |voices: &[_], needed| VouchedFinal::count(candidate, voices, needed).is_some();
        assert!(vouched(&[itself.clone(), above.clone()], 2));
        assert!(!vouched(&[itself.clone(), itself.clone()], 2), "one voice twice");
        assert!(!vouched(&[itself.clone(), fork], 2), "what descends from another block");
        assert!(!vouched(&[itself, stolen], 2), "a descent from another block than the word's");
        assert!(!vouched(&[above], 0), "nobody is asked");
    }
}
