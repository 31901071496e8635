//! The journal: what this key has signed. A checkpoint is recorded durably before it is signed; one that contradicts
//! the journal is never signed. The file is locked: a second process on it does not start.

mod sets;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use alloy_primitives::B256;
use icc_protocol::{ChainId, Checkpoint, EpochRecord, LaneId};
use redb::{Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition};

use crate::{ChainState, SignableCheckpoints};

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
    /// Cut short, or overwritten.
    #[error(
        "{path} is damaged ({reason}). Nothing is signed. Put its newest whole copy back; if there is none, move the \
         file away and start once with --recover (see docs/operators.md)"
    )]
    Damaged {
        /// The file.
        path: String,
        /// What was found.
        reason: String,
    },
    /// The file or the disk: nothing is signed until it can be written again, and then by itself.
    #[error("journal: {0}; nothing is signed until it can be written (is the disk full?)")]
    Io(String),
    /// It holds what no journal does, or the key cannot sign.
    #[error("journal: {0}")]
    Unusable(String),
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
    /// The journal has another set for this epoch.
    #[error("refusing to sign {signed:?}: the journal has {recorded:?} for this epoch")]
    ContradictsSet {
        /// What was to be signed.
        signed: EpochRecord,
        /// What was recorded.
        recorded: EpochRecord,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What this key has signed, on disk.
pub struct Journal {
    path: PathBuf,
    /// Closed after a write has failed, and opened again for what comes next: a file that could not be written is not
    /// used on, as nobody knows what of it reached the disk.
    database: RwLock<Option<Database>>,
}

impl Journal {
    /// Opens or creates the journal of one key on one network, and locks it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(path: &Path, identity: &str) -> Result<Self, JournalError> {
        let new = !path.exists();
        let database = RwLock::new(Some(open_file(path)?));
        let journal = Self { path: path.to_owned(), database };
        journal.check_identity(identity)?;
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

    /// Does something with the file, which is opened again first if a write had failed.
    fn with<T, E: From<JournalError>>(&self, act: impl FnOnce(&Database) -> Result<T, E>) -> Result<T, E> {
        let open = self.database.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = open.as_ref() {
            return act(database);
        }
        drop(open);
        let mut closed = self.database.write().unwrap_or_else(PoisonError::into_inner);
        let database = match closed.take() {
            Some(opened_meanwhile) => opened_meanwhile,
            None => open_file(&self.path)?,
        };
        act(closed.insert(database))
    }

    fn read<T>(
        &self,
        act: impl FnOnce(&ReadTransaction) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.with(|database| act(&database.begin_read().map_err(io)?))
    }

    /// Does something in one durable transaction. After any failure the file is closed.
    fn write<T, E: From<JournalError>>(
        &self,
        act: impl FnOnce(&redb::WriteTransaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let outcome = self.with(|database| {
            let mut write = database.begin_write().map_err(io)?;
            write.set_durability(Durability::Immediate).map_err(io)?;
            let done = act(&write)?;
            write.commit().map_err(io)?;
            Ok(done)
        });
        if outcome.is_err() {
            self.database.write().unwrap_or_else(PoisonError::into_inner).take();
        }
        outcome
    }

    fn check_identity(&self, expected: &str) -> Result<(), JournalError> {
        self.write(|write| {
            let mut table = write.open_table(IDENTITY).map_err(io)?;
            let found = table
                .get("key")
                .map_err(io)?
                .map(|value| String::from_utf8_lossy(value.value()).into_owned());
            match found {
                Some(found) if found != expected => {
                    let (path, expected) = (self.path.display().to_string(), expected.to_owned());
                    return Err(JournalError::WrongKey { path, found, expected });
                }
                Some(_) => {}
                None => {
                    table.insert("key", expected.as_bytes()).map_err(io)?;
                }
            }
            // Make the other tables, so that readers find them.
            write.open_table(SIGNED).map_err(io)?;
            write.open_table(PROGRESS).map_err(io)?;
            write.open_table(sets::SETS).map_err(io)?;
            write.open_table(sets::TRUSTED).map_err(io)?;
            Ok(())
        })
    }

    /// Checks and records, in one exclusive durable transaction, all checkpoints that are about to be signed, and
    /// the chain's state that they follow from. Only when this returns may they be signed.
    ///
    /// # Errors
    /// [`SignError`]; nothing is recorded then, and nothing may be signed.
    pub fn record(&self, signable: &SignableCheckpoints) -> Result<(), SignError> {
        self.write(|write| {
            record_signed(write, signable.checkpoints())?;
            if let (chain, Some(state)) = signable.progress() {
                let bytes =
                    serde_json::to_vec(state).map_err(|error| JournalError::Unusable(error.to_string()))?;
                let mut progress = write.open_table(PROGRESS).map_err(io)?;
                progress.insert(chain.0, bytes.as_slice()).map_err(io)?;
            }
            Ok(())
        })
    }

    /// Records what this key has signed and the journal had lost.
    ///
    /// # Errors
    /// [`SignError`]; nothing of them is recorded then.
    pub fn adopt(&self, checkpoints: &[Checkpoint]) -> Result<(), SignError> {
        if checkpoints.is_empty() {
            return Ok(());
        }
        self.write(|write| record_signed(write, checkpoints))
    }

    /// The state that a chain was followed to.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn progress(&self, chain: ChainId) -> Result<Option<ChainState>, JournalError> {
        self.read(|read| {
            let table = read.open_table(PROGRESS).map_err(io)?;
            let Some(bytes) = table.get(chain.0).map_err(io)? else { return Ok(None) };
            let state = serde_json::from_slice(bytes.value());
            state.map(Some).map_err(|error| JournalError::Unusable(error.to_string()))
        })
    }

    /// Recorded checkpoints of a lane from a nonce on, at most `limit`.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn recorded(&self, lane: LaneId, from: u64, limit: usize) -> Result<Vec<Checkpoint>, JournalError> {
        self.read(|read| {
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
        })
    }

    /// What is recorded for a lane's nonce.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn accumulator(&self, lane: LaneId, nonce: u64) -> Result<Option<B256>, JournalError> {
        self.read(|read| {
            let table = read.open_table(SIGNED).map_err(io)?;
            let recorded = table.get((lane.0.0, nonce)).map_err(io)?;
            Ok(recorded.map(|value| B256::from(value.value())))
        })
    }

    /// What is recorded for the highest nonce of a lane.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn newest(&self, lane: LaneId) -> Result<Option<Checkpoint>, JournalError> {
        self.read(|read| {
            let table = read.open_table(SIGNED).map_err(io)?;
            let mut range = table.range((lane.0.0, 0)..=(lane.0.0, u64::MAX)).map_err(io)?;
            let newest = range.next_back().transpose().map_err(io)?;
            Ok(newest.map(|(key, value)| Checkpoint {
                lane,
                nonce: key.value().1,
                accumulator: B256::from(value.value()),
            }))
        })
    }
}

/// Opens or creates the file, and locks it. What is damaged is found here: redb checks itself against its checksums, and
/// panics over some of what it finds.
fn open_file(path: &Path) -> Result<Database, JournalError> {
    let shown = path.display().to_string();
    let opened = catch_unwind(AssertUnwindSafe(|| Database::builder().set_cache_size(8 << 20).create(path)));
    match opened {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(redb::DatabaseError::DatabaseAlreadyOpen)) => Err(JournalError::InUse(shown)),
        Ok(Err(redb::DatabaseError::Storage(redb::StorageError::Io(error))))
            if !matches!(
                error.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            Err(JournalError::Io(format!("{shown}: {error}")))
        }
        Ok(Err(other)) => Err(JournalError::Damaged { path: shown, reason: other.to_string() }),
        Err(_) => Err(JournalError::Damaged { path: shown, reason: "it contradicts itself".to_owned() }),
    }
}

fn record_signed(write: &redb::WriteTransaction, checkpoints: &[Checkpoint]) -> Result<(), SignError> {
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signable(state: &ChainState, checkpoints: &[Checkpoint]) -> SignableCheckpoints {
        SignableCheckpoints::for_test(ChainId(1), state.clone(), checkpoints.to_vec())
    }

    fn checkpoint(nonce: u64, fill: u8) -> Checkpoint {
        Checkpoint { lane: LaneId(B256::repeat_byte(1)), nonce, accumulator: B256::repeat_byte(fill) }
    }

    #[test]
    fn refuses_a_second_accumulator_for_a_nonce_and_records_nothing_of_the_batch() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("j"), "me").unwrap();
        let state = ChainState::default();
        journal.record(&signable(&state, &[checkpoint(1, 7)])).unwrap();
        journal.record(&signable(&state, &[checkpoint(1, 7)])).unwrap();
        let refused = journal.record(&signable(&state, &[checkpoint(2, 8), checkpoint(1, 9)]));
        assert!(matches!(refused, Err(SignError::Contradicts { .. })));
        assert_eq!(journal.recorded(checkpoint(1, 7).lane, 0, 10).unwrap(), vec![checkpoint(1, 7)]);
    }

    #[test]
    fn survives_reopening_and_keeps_others_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let journal = Journal::open(&path, "me").unwrap();
        let state = ChainState { block: 5, ..ChainState::default() };
        journal.record(&signable(&state, &[checkpoint(1, 7)])).unwrap();
        assert!(matches!(Journal::open(&path, "me"), Err(JournalError::InUse(_))));
        drop(journal);
        assert!(matches!(Journal::open(&path, "other"), Err(JournalError::WrongKey { .. })));
        let journal = Journal::open(&path, "me").unwrap();
        assert_eq!(journal.progress(ChainId(1)).unwrap(), Some(state));
        assert!(journal.record(&signable(&ChainState::default(), &[checkpoint(1, 8)])).is_err());
    }

    fn written(path: &Path, entries: u64) {
        let journal = Journal::open(path, "me").unwrap();
        for nonce in 1..=entries {
            journal.record(&signable(&ChainState::default(), &[checkpoint(nonce, 7)])).unwrap();
        }
    }

    /// Wherever it is cut, it is either refused with what to do, or the file of a lost journal: empty.
    #[test]
    fn a_journal_that_was_cut_short_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        written(&path, 300);
        let whole = std::fs::read(&path).unwrap();
        for cut in [1, 100, 511, 4096, 5000, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let refused = Journal::open(&path, "me").map(drop).unwrap_err();
            assert!(refused.to_string().contains("--recover"), "cut at {cut}: {refused}");
        }
        std::fs::write(&path, &whole).unwrap();
        assert_eq!(
            Journal::open(&path, "me")
                .unwrap()
                .newest(checkpoint(1, 7).lane)
                .unwrap()
                .map(|newest| newest.nonce),
            Some(300)
        );
    }
}
