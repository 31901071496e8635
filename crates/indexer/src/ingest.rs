//! Blocks and events into the store.

use icc_chain::{Block, BlockRef, ChainError, LocatedEvent};
use icc_lane::{Gateway, Lanes, Pair};
use icc_store::{ApplyError, Cursor, IndexedBlock};

use crate::{IndexError, Indexer, engine::row, fetch::Ahead, rows::event_row};

/// Events that a range should have, about: what the store takes in a fraction of a second, and an endpoint in one answer.
const EVENTS_AIM: u64 = 5000;
/// Pause before a smaller range is asked for.
const AFTER_REFUSAL: std::time::Duration = std::time::Duration::from_millis(200);

impl Indexer {
    /// Stores the events of all blocks up to a final one, range by range; the next range is fetched while one is
    /// stored. Halves the range when an endpoint cannot answer it. False if the chain or the cursor changed under us.
    pub(crate) async fn backfill(&mut self, cursor: &mut Cursor, up_to: u64) -> Result<bool, IndexError> {
        let mut ahead = self.fetch_after(cursor.number, up_to);
        while let Some(fetching) = ahead {
            let (from, to) = fetching.range;
            let fetched = match fetching.finish().await {
                Ok(Some(fetched)) => fetched,
                Ok(None) => return Ok(false),
                Err(ChainError::RangeTooLarge { .. }) if to > from => {
                    self.range = (to - from).div_ceil(2);
                    tracing::debug!(chain = %self.reader.chain(), range = self.range, "range halved");
                    tokio::time::sleep(AFTER_REFUSAL).await;
                    ahead = self.fetch_after(cursor.number, up_to);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            self.range = next_range(to - from + 1, fetched.events()).min(self.config.max_range.max(1));
            ahead = self.fetch_after(to, up_to);
            match self.apply(cursor, fetched.blocks, fetched.to, fetched.to.number).await? {
                Some(next) => *cursor = next,
                None => return Ok(false),
            }
            let label = self.reader.chain().to_string();
            metrics::gauge!("icc_indexer_indexed", "chain" => label).set(cursor.number as f64);
        }
        Ok(true)
    }

    /// Starts to fetch the range behind a block; `None` if there is none.
    fn fetch_after(&self, block: u64, up_to: u64) -> Option<Ahead> {
        let to = up_to.min(block.saturating_add(self.range));
        (block < to).then(|| Ahead::start(self.reader.clone(), block + 1, to))
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
        self.apply(cursor, vec![(block, events)], block.at, cursor.final_number).await
    }

    /// Stores blocks with their events, each of which must be its chain's own to tell; the chain is final up to
    /// `finalized` then.
    async fn apply(
        &mut self,
        cursor: &Cursor,
        blocks: Vec<(Block, Vec<LocatedEvent>)>,
        to: BlockRef,
        finalized: u64,
    ) -> Result<Option<Cursor>, IndexError> {
        let chain = self.reader.chain();
        let mut lanes = match self.lanes.take() {
            Some(lanes) => lanes,
            None => self.opened_lanes().await?,
        };
        let mut indexed = Vec::with_capacity(blocks.len());
        for (block, located) in blocks {
            let mut events = Vec::with_capacity(located.len());
            for event in located {
                if let Err(foreign) = lanes.admit(&event.event) {
                    metrics::counter!("icc_indexer_foreign_events_total", "chain" => chain.to_string())
                        .increment(1);
                    let problem = format!("block {}: {foreign}", block.at.number);
                    return Err(ApplyError::Inconsistent(problem).into());
                }
                events.extend(event_row(self.reader.gateway(), event));
            }
            // Of final blocks only those with rows are kept; `set_final` drops the others.
            indexed.push(IndexedBlock { block: row(&block), events });
        }
        let final_number = finalized.max(cursor.final_number).min(to.number);
        let next = Cursor { number: to.number, hash: to.hash, final_number };
        match self.store.apply(chain, cursor, &indexed, &next).await {
            Ok(()) => {
                self.lanes = Some(lanes);
                Ok(Some(next))
            }
            // Another indexer of this chain was faster.
            Err(ApplyError::CursorMoved) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The lanes that the gateway has opened, as they are stored.
    async fn opened_lanes(&self) -> Result<Lanes, IndexError> {
        let chain = self.reader.chain();
        let gateway = Gateway { network: self.config.network, chain, address: self.reader.gateway() };
        let opened = self.store.opened_by(chain).await?;
        let opened = opened.into_iter().map(|row| {
            ((row.destination, row.generation), Pair { outbound: row.outbound, inbound: row.inbound })
        });
        Ok(Lanes::new(gateway, opened))
    }
}

/// How many blocks to ask for after a range of `blocks` with `events`: as many as have the events that are aimed at, at
/// most twice as many.
fn next_range(blocks: u64, events: u64) -> u64 {
    let aimed = blocks.saturating_mul(EVENTS_AIM) / events.max(1);
    aimed.clamp(1, blocks.saturating_mul(2).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_the_density_of_events() {
        assert_eq!(next_range(500, 0), 1000, "nothing there: faster");
        assert_eq!(next_range(500, EVENTS_AIM), 500);
        assert_eq!(next_range(500, 4 * EVENTS_AIM), 125);
        assert_eq!(next_range(1, 1_000_000), 1, "never nothing");
        assert_eq!(next_range(u64::MAX, 1), u64::MAX);
    }
}
