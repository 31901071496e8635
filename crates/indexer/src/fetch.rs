//! A range of final blocks, from the chain and ready for the store.

use std::sync::Arc;

use alloy_primitives::B256;
use futures::{StreamExt, TryStreamExt, stream};
use icc_chain::{BlockRef, ChainError, ChainReader};
use icc_store::{EventRow, IndexedBlock};
use tokio_util::task::AbortOnDropHandle;

use crate::{engine::row, rows::event_row};

/// Blocks that are asked for at the same time.
const BLOCKS_AT_ONCE: usize = 16;

/// A range and what is in it.
pub(crate) struct Fetched {
    /// The last block of the range.
    pub(crate) to: BlockRef,
    /// Blocks with events, in order.
    pub(crate) blocks: Vec<IndexedBlock>,
}

impl Fetched {
    /// How many events.
    pub(crate) fn events(&self) -> u64 {
        self.blocks.iter().map(|block| block.events.len() as u64).sum()
    }
}

/// A fetch under way; dropping it ends it.
pub(crate) struct Ahead {
    /// First and last block.
    pub(crate) range: (u64, u64),
    task: AbortOnDropHandle<Result<Option<Fetched>, ChainError>>,
}

impl Ahead {
    /// Starts to fetch blocks `from..=to`.
    pub(crate) fn start(reader: Arc<dyn ChainReader>, from: u64, to: u64) -> Self {
        let task = tokio::spawn(async move { fetch(reader.as_ref(), from, to).await });
        Self { range: (from, to), task: AbortOnDropHandle::new(task) }
    }

    /// What was fetched; `None` if the chain changed under us.
    pub(crate) async fn finish(self) -> Result<Option<Fetched>, ChainError> {
        match self.task.await {
            Ok(fetched) => fetched,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only a runtime that shuts down ends it otherwise.
                Err(_) => Ok(None),
            },
        }
    }
}

async fn fetch(reader: &dyn ChainReader, from: u64, to: u64) -> Result<Option<Fetched>, ChainError> {
    let gateway: B256 = reader.gateway();
    let mut groups: Vec<(BlockRef, Vec<EventRow>)> = Vec::new();
    for event in reader.events_in_range(from, to).await? {
        let at = event.at.block;
        if groups.last().is_none_or(|(block, _)| block.number != at.number) {
            groups.push((at, Vec::new()));
        }
        if let Some((block, rows)) = groups.last_mut() {
            if *block != at {
                return Ok(None);
            }
            rows.extend(event_row(gateway, event));
        }
    }
    // Rows are kept of some events alone; a block without rows is not kept.
    groups.retain(|(_, rows)| !rows.is_empty());
    let with_headers = stream::iter(groups.into_iter().map(|(at, events)| async move {
        let block = reader.block(at.number).await?.filter(|block| block.at == at);
        Ok::<_, ChainError>(block.map(|block| IndexedBlock { block: row(&block), events }))
    }));
    let blocks: Vec<Option<IndexedBlock>> = with_headers.buffered(BLOCKS_AT_ONCE).try_collect().await?;
    let Some(blocks) = blocks.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let last = match blocks.last() {
        Some(indexed) if indexed.block.number == to => BlockRef { number: to, hash: indexed.block.hash },
        _ => match reader.block(to).await? {
            Some(block) => block.at,
            None => return Ok(None),
        },
    };
    Ok(Some(Fetched { to: last, blocks }))
}
