//! A range of final blocks and their events, from the chain.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use icc_chain::{Block, BlockRef, ChainError, ChainReader, LocatedEvent};
use tokio_util::task::AbortOnDropHandle;

/// Blocks that are asked for at the same time.
const BLOCKS_AT_ONCE: usize = 16;

/// A range and what is in it.
pub(crate) struct Fetched {
    /// The last block of the range.
    pub(crate) to: BlockRef,
    /// Blocks with events, in order.
    pub(crate) blocks: Vec<(Block, Vec<LocatedEvent>)>,
}

impl Fetched {
    /// How many events.
    pub(crate) fn events(&self) -> u64 {
        self.blocks.iter().map(|(_, events)| events.len() as u64).sum()
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
    let mut groups: Vec<(BlockRef, Vec<LocatedEvent>)> = Vec::new();
    for event in reader.events_in_range(from, to).await? {
        let at = event.at.block;
        if groups.last().is_none_or(|(block, _)| block.number != at.number) {
            groups.push((at, Vec::new()));
        }
        if let Some((block, events)) = groups.last_mut() {
            if *block != at {
                return Ok(None);
            }
            events.push(event);
        }
    }
    let with_headers = stream::iter(groups.into_iter().map(|(at, events)| async move {
        let block = reader.block(at.number).await?.filter(|block| block.at == at);
        Ok::<_, ChainError>(block.map(|block| (block, events)))
    }));
    let blocks: Vec<Option<(Block, Vec<LocatedEvent>)>> =
        with_headers.buffered(BLOCKS_AT_ONCE).try_collect().await?;
    let Some(blocks) = blocks.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let last = match blocks.last() {
        Some((block, _)) if block.at.number == to => block.at,
        _ => match reader.block(to).await? {
            Some(block) => block.at,
            None => return Ok(None),
        },
    };
    Ok(Some(Fetched { to: last, blocks }))
}
