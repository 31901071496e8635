//! Blocks and events into the store.

use icc_chain::ChainError;
use icc_store::{ApplyError, Cursor, IndexedBlock};

use crate::{IndexError, Indexer, engine::row, rows::event_row};

/// Pause before a smaller range is asked for.
const AFTER_REFUSAL: std::time::Duration = std::time::Duration::from_millis(200);

impl Indexer {
    /// Stores the events of a range of final blocks; halves the range when an endpoint cannot answer it.
    pub(crate) async fn ingest_range(
        &mut self,
        cursor: &Cursor,
        up_to: u64,
    ) -> Result<Option<Cursor>, IndexError> {
        let from = cursor.number + 1;
        let to = up_to.min(cursor.number.saturating_add(self.range));
        let events = match self.reader.events_in_range(from, to).await {
            Ok(events) => events,
            Err(ChainError::RangeTooLarge { .. }) if self.range > 1 => {
                self.range /= 2;
                tracing::debug!(chain = %self.reader.chain(), range = self.range, "range halved");
                tokio::time::sleep(AFTER_REFUSAL).await;
                return Ok(Some(*cursor));
            }
            Err(error) => return Err(error.into()),
        };
        self.range = self.range.saturating_mul(2).min(self.config.max_range.max(1));
        let Some(last) = self.reader.block(to).await? else { return Ok(None) };
        let mut blocks: Vec<IndexedBlock> = Vec::new();
        for event in events {
            let at = event.at.block;
            if blocks.last().is_none_or(|block| block.block.number != at.number) {
                match self.reader.block(at.number).await? {
                    Some(block) if block.at.hash == at.hash => {
                        blocks.push(IndexedBlock { block: row(&block), events: Vec::new() });
                    }
                    _ => return Ok(None),
                }
            }
            if let Some(block) = blocks.last_mut() {
                block.events.extend(event_row(self.reader.gateway(), event));
            }
        }
        self.apply(cursor, &blocks, (last.at.number, last.at.hash)).await
    }

    /// Stores the next block and its events, if it continues the cursor.
    pub(crate) async fn ingest_block(&mut self, cursor: &Cursor) -> Result<Option<Cursor>, IndexError> {
        let Some(block) = self.reader.block(cursor.number + 1).await? else { return Ok(None) };
        if block.parent != cursor.hash {
            return Ok(None);
        }
        let events =
            if block.may_have_events { self.reader.events_in_block(block.at).await? } else { Vec::new() };
        if events.iter().any(|event| event.at.block != block.at) {
            return Ok(None);
        }
        let gateway = self.reader.gateway();
        let events = events.into_iter().filter_map(|event| event_row(gateway, event)).collect();
        self.apply(cursor, &[IndexedBlock { block: row(&block), events }], (block.at.number, block.at.hash))
            .await
    }

    async fn apply(
        &self,
        cursor: &Cursor,
        blocks: &[IndexedBlock],
        to: (u64, alloy_primitives::B256),
    ) -> Result<Option<Cursor>, IndexError> {
        match self.store.apply(self.reader.chain(), cursor, blocks, to).await {
            Ok(()) => Ok(Some(Cursor { number: to.0, hash: to.1, final_number: cursor.final_number })),
            // Another indexer of this chain was faster.
            Err(ApplyError::CursorMoved) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
