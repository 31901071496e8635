//! What this validator tells others of what is final: from memory of the last final blocks alone, each signed once. A
//! stranger can ask as often as he likes: he spends neither calls nor signatures of ours.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use icc_attest::FinalWord;
use icc_chain::{AgreedFinal, BlockRef};
use icc_protocol::{ChainId, Domain, FinalBlock};
use icc_service::Signer;

/// Final blocks kept of one chain.
const MAX_BLOCKS: usize = 256;

#[derive(Debug, Clone, Copy)]
struct Kept {
    block: BlockRef,
    unanimous: bool,
    signed: Option<FinalWord>,
}

/// The last final blocks of each chain, by height.
#[derive(Debug, Default)]
pub(crate) struct FinalWords(Mutex<HashMap<ChainId, BTreeMap<u64, Kept>>>);

impl FinalWords {
    /// Notes what this validator's endpoints call final.
    pub(crate) fn note(&self, chain: ChainId, agreed: &AgreedFinal) {
        let mut chains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let blocks = chains.entry(chain).or_default();
        keep(blocks, agreed.by_quorum.at(), false);
        if let Some(by_all) = agreed.by_all {
            keep(blocks, by_all.at(), true);
        }
        while blocks.len() > MAX_BLOCKS {
            blocks.pop_first();
        }
    }

    /// The word about the lowest known final block at a height or above it, or else about the newest; about one that every
    /// endpoint calls final, if there is any. `None` before anything is known.
    ///
    /// # Errors
    /// In words, if the key cannot sign.
    pub(crate) fn word(
        &self,
        chain: ChainId,
        height: u64,
        (domain, signer): (&Domain, &Signer),
    ) -> Result<Option<FinalWord>, String> {
        let mut chains = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(blocks) = chains.get_mut(&chain) else { return Ok(None) };
        let unanimous = blocks.values().any(|kept| kept.unanimous);
        let fits = |(number, kept): (&u64, &Kept)| (kept.unanimous == unanimous).then_some(*number);
        let above = blocks.range(height..).find_map(fits);
        let Some(number) = above.or_else(|| blocks.iter().rev().find_map(fits)) else { return Ok(None) };
        let Some(kept) = blocks.get_mut(&number) else { return Ok(None) };
        if let Some(signed) = kept.signed {
            return Ok(Some(signed));
        }
        let (BlockRef { number, hash }, unanimous) = (kept.block, kept.unanimous);
        let digest = domain.final_block_digest(&FinalBlock { chain, number, hash, unanimous });
        let signature = signer.sign(&digest).map_err(|error| error.to_string())?;
        let word = FinalWord { chain, number, hash, unanimous, signature };
        kept.signed = Some(word);
        Ok(Some(word))
    }
}

/// A block that was known by a quorum alone may be known by all now; another block at its height takes its place.
fn keep(blocks: &mut BTreeMap<u64, Kept>, block: BlockRef, unanimous: bool) {
    match blocks.get_mut(&block.number) {
        Some(kept) if kept.block == block && (kept.unanimous || !unanimous) => {}
        _ => drop(blocks.insert(block.number, Kept { block, unanimous, signed: None })),
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;
    use alloy_signer_local::PrivateKeySigner;
    use icc_chain::{QuorumBlock, UnanimousFinal};
    use icc_protocol::NetworkId;

    use super::*;

    fn block(number: u64) -> BlockRef {
        BlockRef { number, hash: B256::repeat_byte(1) }
    }

    #[test]
    fn the_lowest_at_or_above_what_is_asked_and_no_more_than_are_kept() {
        let (domain, words) = (Domain::new(NetworkId(B256::repeat_byte(9))), FinalWords::default());
        let signer = Signer::new(PrivateKeySigner::from_slice(&[7; 32]).unwrap());
        let chain = ChainId(1);
        let word = |height| words.word(chain, height, (&domain, &signer)).unwrap();
        assert_eq!(word(0), None);
        let note = |quorum, all: Option<u64>| {
            let by_all = all.map(|number| UnanimousFinal::by_every_endpoint(block(number)));
            words.note(chain, &AgreedFinal { by_quorum: QuorumBlock::by_quorum(block(quorum)), by_all });
        };
        note(5, None);
        let five = word(3).unwrap();
        assert_eq!((five.number, five.unanimous), (5, false));
        note(5, Some(5));
        assert!(word(3).unwrap().unanimous, "what a quorum knew, all know now");
        note(9, Some(8));
        let told = |height| word(height).map(|word| (word.number, word.unanimous));
        assert_eq!(told(0), Some((5, true)));
        assert_eq!(told(6), Some((8, true)));
        assert_eq!(told(9), Some((8, true)), "the newest of all, not one of a quorum");
        for number in 10..1000 {
            note(number, Some(number));
        }
        assert_eq!(told(0).map(|(number, _)| number), Some(1000 - MAX_BLOCKS as u64));
    }
}
