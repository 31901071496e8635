//! Reorgs: finding the last common block, and forgetting what came after it.

use icc_chain::{Block, BlockRef};
use icc_store::Cursor;

use crate::{IndexError, Indexer};

impl Indexer {
    /// The newest stored block that is still on the chain, if the cursor's no longer is.
    pub(crate) async fn find_reorg(&self, cursor: &Cursor, head: &Block) -> Result<Option<BlockRef>, IndexError> {
        if head.at.number < cursor.number {
            // An endpoint that is behind, or a shorter fork: comparable once it has grown.
            return Ok(None);
        }
        match self.reader.block(cursor.number).await? {
            Some(block) if block.at.hash == cursor.hash => return Ok(None),
            None => return Ok(None),
            Some(_) => {}
        }
        let chain = self.reader.chain();
        let mut below = cursor.number;
        while let Some(stored) = self.store.block_below(chain, below).await? {
            let present = self.reader.block(stored.number).await?;
            if present.is_some_and(|block| block.at.hash == stored.hash) {
                return Ok(Some(BlockRef { number: stored.number, hash: stored.hash }));
            }
            if stored.number <= cursor.final_number {
                return Err(IndexError::FinalityReverted { chain, number: stored.number });
            }
            below = stored.number;
        }
        // No block with events below: the last final one is common by definition.
        let last_final = self.reader.block(cursor.final_number).await?;
        Ok(last_final.map(|block| block.at))
    }

    /// Forgets everything above `ancestor`.
    pub(crate) async fn unwind(&self, cursor: Cursor, ancestor: BlockRef) -> Result<Cursor, IndexError> {
        let chain = self.reader.chain();
        tracing::warn!(%chain, from = cursor.number, to = ancestor.number, "reorg: unwinding");
        metrics::counter!("icc_indexer_reorgs_total", "chain" => chain.to_string()).increment(1);
        self.store.unwind(chain, &cursor, (ancestor.number, ancestor.hash)).await?;
        Ok(Cursor { number: ancestor.number, hash: ancestor.hash, final_number: cursor.final_number })
    }
}
