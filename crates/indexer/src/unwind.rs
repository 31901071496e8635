//! Reorgs: finding the last common block, and forgetting what came after it.

use icc_chain::{Block, BlockRef};
use icc_store::{ApplyError, Cursor};

use crate::{IndexError, Indexer};

/// How the chain's present head and what is stored belong together.
pub(crate) enum Ancestry {
    /// The cursor's block is on the chain.
    Continues,
    /// It cannot be told yet: an endpoint is behind.
    Behind,
    /// The chain has left the stored one after this block.
    Forked(BlockRef),
}

impl Indexer {
    /// Compares the stored blocks with the chain. Of final blocks only those with events are stored: a chain that
    /// reverts its finality without touching any of ours is followed on.
    pub(crate) async fn ancestry(&self, cursor: &Cursor, head: &Block) -> Result<Ancestry, IndexError> {
        let chain = self.reader.chain();
        let mut below = if head.at.number < cursor.number {
            // A shorter fork, or an endpoint that is behind: what is stored at that height tells.
            match self.store.block(chain, head.at.number).await? {
                Some(stored) if stored.hash != head.at.hash => head.at.number + 1,
                _ => return Ok(Ancestry::Behind),
            }
        } else {
            match self.reader.block(cursor.number).await? {
                Some(block) if block.at.hash == cursor.hash => return Ok(Ancestry::Continues),
                // Stored itself if it is not final, or has events.
                Some(_) => cursor.number + 1,
                None => return Ok(Ancestry::Behind),
            }
        };
        while let Some(stored) = self.store.block_below(chain, below).await? {
            match self.reader.block(stored.number).await? {
                None => return Ok(Ancestry::Behind),
                Some(present) if present.at.hash == stored.hash => return Ok(Ancestry::Forked(present.at)),
                Some(_) if stored.number <= cursor.final_number => {
                    return Err(IndexError::FinalityReverted { chain, number: stored.number });
                }
                Some(_) => below = stored.number,
            }
        }
        // No block with events below: from the start again. The last final block would do, if chains kept their word.
        let start = self.reader.block(self.config.start_block).await?;
        Ok(start.map_or(Ancestry::Behind, |block| Ancestry::Forked(block.at)))
    }

    /// Goes back over stored blocks that are not final, farther each time it is called in a row: events that an endpoint
    /// left out are found by looking again, and looking again is harmless.
    pub(crate) async fn go_back(&mut self, cursor: Cursor) -> Result<Cursor, IndexError> {
        let chain = self.reader.chain();
        let mut below = cursor.number;
        let mut target = None;
        for _ in 0..self.going_back {
            match self.store.block_below(chain, below).await? {
                Some(stored) if stored.number >= cursor.final_number => {
                    below = stored.number;
                    target = Some(BlockRef { number: stored.number, hash: stored.hash });
                }
                _ => {
                    let last = self.reader.block(cursor.final_number).await?;
                    target = last.map(|block| block.at);
                    break;
                }
            }
        }
        self.going_back = self.going_back.saturating_mul(4).min(1 << 20);
        match target {
            Some(target) => self.unwind(cursor, target).await,
            None => Ok(cursor),
        }
    }

    /// Forgets everything above `ancestor`. The store refuses to forget events of final blocks; final blocks in which there
    /// was nothing of ours are looked at again.
    pub(crate) async fn unwind(&mut self, cursor: Cursor, ancestor: BlockRef) -> Result<Cursor, IndexError> {
        let chain = self.reader.chain();
        if ancestor.number < cursor.final_number {
            metrics::counter!("icc_indexer_finality_reverted_total", "chain" => chain.to_string())
                .increment(1);
            let (known, kept) = (cursor.final_number, ancestor.number);
            tracing::error!(%chain, known, kept, "final blocks are looked at again: is the chain's finality policy safe?");
        }
        tracing::warn!(%chain, from = cursor.number, to = ancestor.number, "unwinding");
        metrics::counter!("icc_indexer_unwinds_total", "chain" => chain.to_string()).increment(1);
        self.lanes = None;
        match self.store.unwind(chain, &cursor, (ancestor.number, ancestor.hash)).await {
            Err(ApplyError::BelowFinal(number)) => {
                return Err(IndexError::FinalityReverted { chain, number });
            }
            unwound => unwound?,
        }
        let final_number = cursor.final_number.min(ancestor.number);
        Ok(Cursor { number: ancestor.number, hash: ancestor.hash, final_number })
    }
}
