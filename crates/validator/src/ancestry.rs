//! Walks from a block down to its ancestors, by hashes that were recomputed. Which endpoint tells a header does not matter:
//! its hash says whether it is the one.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use icc_chain::{BlockRef, HashedHeader, Prover};

use crate::trust::Descent;

/// Blocks of the longest walk.
pub(crate) const MAX_WALK: u64 = 512;
/// Headers kept.
const MAX_HEADERS: usize = 2048;

/// Headers walked over of late.
#[derive(Debug, Default)]
pub(crate) struct Ancestry {
    headers: BTreeMap<B256, HashedHeader>,
    by_height: BTreeSet<(u64, B256)>,
}

impl Ancestry {
    /// Keeps a header; of too many, the lowest is forgotten.
    pub(crate) fn keep(&mut self, header: HashedHeader) {
        let BlockRef { number, hash } = header.at();
        self.headers.insert(hash, header);
        self.by_height.insert((number, hash));
        if self.headers.len() > MAX_HEADERS
            && let Some((_, lowest)) = self.by_height.pop_first()
        {
            self.headers.remove(&lowest);
        }
    }

    /// The headers from a block down to one of its ancestors (or itself); `None` if it is none, too far below, or endpoints
    /// do not have what is between.
    pub(crate) async fn descent<P: Prover + ?Sized>(
        &mut self,
        prover: &P,
        from: BlockRef,
        to: BlockRef,
    ) -> Option<Descent> {
        if from.number.checked_sub(to.number)? > MAX_WALK {
            return None;
        }
        let mut headers = Vec::new();
        let (mut number, mut hash) = (from.number, from.hash);
        loop {
            let header = self.header(prover, hash).await?;
            if header.at().number != number {
                return None;
            }
            headers.push(header);
            if number == to.number {
                break;
            }
            (number, hash) = (number.checked_sub(1)?, header.parent());
        }
        (hash == to.hash).then(|| Descent::new(headers)).flatten()
    }

    async fn header<P: Prover + ?Sized>(&mut self, prover: &P, hash: B256) -> Option<HashedHeader> {
        if let Some(known) = self.headers.get(&hash) {
            return Some(*known);
        }
        let header = prover.header(hash).await.ok().filter(|header| header.at().hash == hash)?;
        self.keep(header);
        Some(header)
    }
}
