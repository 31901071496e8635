//! Follows one chain into the store: backfill by ranges up to the final block, then block by block to the head;
//! unwind when the head's ancestry changes, and resume. One [`Indexer`] per chain; a fault of one never touches
//! another, because they share nothing but the database.

mod engine;
mod error;
mod fetch;
mod ingest;
mod rows;
mod unwind;

pub use engine::{Config, Indexer};
pub use error::IndexError;
