//! The journal: what this key has signed. A checkpoint is recorded durably before it is signed; one that contradicts
//! the journal is never signed. The file is locked: a second process on it does not start.

use std::path::Path;

use alloy_primitives::B256;
use icc_protocol::{ChainId, Checkpoint, LaneId};
use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};

use crate::ChainState;

/// (lane, nonce) → accumulator.
const SIGNED: TableDefinition<([u8; 32], u64), [u8; 32]> = TableDefinition::new("signed");
/// Chain → [`ChainState`] as JSON.
const PROGRESS: TableDefinition<u64, &[u8]> = TableDefinition::new("progress");
/// "key" → address whose journal this is.
const IDENTITY: TableDefinition<&str, &[u8]> = TableDefinition::new("identity");

/// The journal cannot be used. Nothing is signed then.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process holds it.
    #[error("{0} is in use by another process; one key runs in one process only")]
    InUse(String),
    /// It is of another key or network.
    #[error(
        "{path} is the journal of {found}, not of {expected}; never use a journal with another key or network"
    )]
    WrongKey {
        /// The file.
        path: String,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// The file, the disk, or its content.
    #[error("journal: {0}")]
    Io(String),
}

fn io(error: impl Into<redb::Error>) -> JournalError {
    JournalError::Io(error.into().to_string())
}

/// Why a checkpoint is not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The journal has another accumulator for this nonce: signing both would be equivocation.
    #[error("refusing to sign {signed:?}: the journal has accumulator {recorded} for this nonce")]
    Contradicts {
        /// What was to be signed.
        signed: Checkpoint,
        /// What was recorded.
        recorded: B256,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What this key has signed, on disk.
pub struct Journal {
    database: Database,
}

impl Journal {
    /// Opens or creates the journal of one key on one network, and locks it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path, identity: &str) -> Result<Self, JournalError> {
        let shown = path.display().to_string();
        let new = !path.exists();
        let database =
            Database::builder().set_cache_size(8 << 20).create(path).map_err(|error| match error {
                redb::DatabaseError::DatabaseAlreadyOpen => JournalError::InUse(shown.clone()),
                other => JournalError::Io(format!("{shown}: {other}")),
            })?;
        let journal = Self { database };
        journal.check_identity(&shown, identity)?;
        if new {
            // The file's entry in its folder has to survive a crash as well.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = std::fs::File::open(folder.unwrap_or_else(|| Path::new(".")));
            folder
                .and_then(|folder| folder.sync_all())
                .map_err(|error| JournalError::Io(error.to_string()))?;
        }
        Ok(journal)
    }

    fn check_identity(&self, path: &str, expected: &str) -> Result<(), JournalError> {
        let write = self.write()?;
        {
            let mut table = write.open_table(IDENTITY).map_err(io)?;
            let found = table
                .get("key")
                .map_err(io)?
                .map(|value| String::from_utf8_lossy(value.value()).into_owned());
            match found {
                Some(found) if found != expected => {
                    let (path, expected) = (path.to_owned(), expected.to_owned());
                    return Err(JournalError::WrongKey { path, found, expected });
                }
                Some(_) => {}
                None => {
                    table.insert("key", expected.as_bytes()).map_err(io)?;
                }
            }
        }
        // Make the other tables, so that readers find them.
        write.open_table(SIGNED).map_err(io)?;
        write.open_table(PROGRESS).map_err(io)?;
        write.commit().map_err(io)
    }

    fn write(&self) -> Result<redb::WriteTransaction, JournalError> {
        let mut write = self.database.begin_write().map_err(io)?;
        write.set_durability(Durability::Immediate).map_err(|error| JournalError::Io(error.to_string()))?;
        Ok(write)
    }

    /// Checks and records, in one exclusive durable transaction, all checkpoints that are about to be signed, and
    /// the chain's state that they follow from. Only when this returns may they be signed.
    ///
    /// # Errors
    /// [`SignError`]; nothing is recorded then, and nothing may be signed.
    pub fn record(
        &self,
        chain: ChainId,
        state: &ChainState,
        checkpoints: &[Checkpoint],
    ) -> Result<(), SignError> {
        let write = self.write()?;
        {
            let mut signed = write.open_table(SIGNED).map_err(io)?;
            for checkpoint in checkpoints {
                let key = (checkpoint.lane.0.0, checkpoint.nonce);
                let recorded = signed.get(key).map_err(io)?.map(|value| B256::from(value.value()));
                match recorded {
                    Some(recorded) if recorded != checkpoint.accumulator => {
                        return Err(SignError::Contradicts { signed: *checkpoint, recorded });
                    }
                    Some(_) => {}
                    None => {
                        signed.insert(key, checkpoint.accumulator.0).map_err(io)?;
                    }
                }
            }
            let bytes = serde_json::to_vec(state).map_err(|error| JournalError::Io(error.to_string()))?;
            let mut progress = write.open_table(PROGRESS).map_err(io)?;
            progress.insert(chain.0, bytes.as_slice()).map_err(io)?;
        }
        Ok(write.commit().map_err(io)?)
    }

    /// The state that a chain was followed to.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn progress(&self, chain: ChainId) -> Result<Option<ChainState>, JournalError> {
        let read = self.database.begin_read().map_err(io)?;
        let table = read.open_table(PROGRESS).map_err(io)?;
        let Some(bytes) = table.get(chain.0).map_err(io)? else { return Ok(None) };
        serde_json::from_slice(bytes.value()).map(Some).map_err(|error| JournalError::Io(error.to_string()))
    }

    /// Recorded checkpoints of a lane from a nonce on, at most `limit`.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn recorded(&self, lane: LaneId, from: u64, limit: usize) -> Result<Vec<Checkpoint>, JournalError> {
        let read = self.database.begin_read().map_err(io)?;
        let table = read.open_table(SIGNED).map_err(io)?;
        let range = table.range((lane.0.0, from)..=(lane.0.0, u64::MAX)).map_err(io)?;
        range
            .take(limit)
            .map(|entry| {
                let (key, value) = entry.map_err(io)?;
                let nonce = key.value().1;
                Ok(Checkpoint { lane, nonce, accumulator: B256::from(value.value()) })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(nonce: u64, fill: u8) -> Checkpoint {
        Checkpoint { lane: LaneId(B256::repeat_byte(1)), nonce, accumulator: B256::repeat_byte(fill) }
    }

    #[test]
    fn refuses_a_second_accumulator_for_a_nonce_and_records_nothing_of_the_batch() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("j"), "me").unwrap();
        let (chain, state) = (ChainId(1), ChainState::default());
        journal.record(chain, &state, &[checkpoint(1, 7)]).unwrap();
        journal.record(chain, &state, &[checkpoint(1, 7)]).unwrap();
        let refused = journal.record(chain, &state, &[checkpoint(2, 8), checkpoint(1, 9)]);
        assert!(matches!(refused, Err(SignError::Contradicts { .. })));
        assert_eq!(journal.recorded(checkpoint(1, 7).lane, 0, 10).unwrap(), vec![checkpoint(1, 7)]);
    }

    #[test]
    fn survives_reopening_and_keeps_others_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let journal = Journal::open(&path, "me").unwrap();
        let state = ChainState { block: 5, ..ChainState::default() };
        journal.record(ChainId(1), &state, &[checkpoint(1, 7)]).unwrap();
        assert!(matches!(Journal::open(&path, "me"), Err(JournalError::InUse(_))));
        drop(journal);
        assert!(matches!(Journal::open(&path, "other"), Err(JournalError::WrongKey { .. })));
        let journal = Journal::open(&path, "me").unwrap();
        assert_eq!(journal.progress(ChainId(1)).unwrap(), Some(state));
        assert!(journal.record(ChainId(1), &ChainState::default(), &[checkpoint(1, 8)]).is_err());
    }
}
