//! The sets of epochs: what was signed of each, and the newest that is trusted.

use alloy_primitives::B256;
use icc_protocol::{EpochRecord, ValidatorSet};
use redb::{ReadableTable, TableDefinition};

use super::{Journal, JournalError, SignError, io};
use crate::SignableSet;

/// Epoch → (set hash, hub time).
pub(super) const SETS: TableDefinition<u64, ([u8; 32], u64)> = TableDefinition::new("sets");
/// The one epoch that is trusted → hub time, packed members.
pub(super) const TRUSTED: TableDefinition<u64, (u64, &[u8])> = TableDefinition::new("trusted");

impl Journal {
    /// Checks and records durably a set that is about to be signed.
    ///
    /// # Errors
    /// [`SignError`]; nothing may be signed then.
    pub fn record_set(&self, set: &SignableSet) -> Result<(), SignError> {
        let record = &set.record();
        self.write(|write| {
            let mut sets = write.open_table(SETS).map_err(io)?;
            let known =
                sets.get(record.epoch).map_err(io)?.map(|value| epoch_record(record.epoch, value.value()));
            match known {
                Some(recorded) if recorded != *record => {
                    return Err(SignError::ContradictsSet { signed: *record, recorded });
                }
                Some(_) => {}
                None => {
                    sets.insert(record.epoch, (record.set_hash.0, record.hub_time)).map_err(io)?;
                }
            }
            Ok(())
        })
    }

    /// Keeps the set of an epoch as the newest that is trusted.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn trust(&self, record: &EpochRecord, set: &ValidatorSet) -> Result<(), JournalError> {
        self.write(|write| {
            let mut trusted = write.open_table(TRUSTED).map_err(io)?;
            trusted.retain(|_, _| false).map_err(io)?;
            trusted.insert(record.epoch, (record.hub_time, set.encode().as_slice())).map_err(io)?;
            Ok(())
        })
    }

    /// The newest epoch that is trusted, and its set.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn trusted(&self) -> Result<Option<(EpochRecord, ValidatorSet)>, JournalError> {
        self.read(|read| {
            let table = read.open_table(TRUSTED).map_err(io)?;
            let Some((epoch, entry)) = table.last().map_err(io)? else { return Ok(None) };
            let (hub_time, members) = entry.value();
            let set = ValidatorSet::decode(members)
                .map_err(|error| JournalError::Unusable(format!("trusted set: {error}")))?;
            Ok(Some((EpochRecord { epoch: epoch.value(), set_hash: set.hash(), hub_time }, set)))
        })
    }

    /// The set that is recorded for an epoch.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn set(&self, epoch: u64) -> Result<Option<EpochRecord>, JournalError> {
        self.read(|read| {
            let table = read.open_table(SETS).map_err(io)?;
            Ok(table.get(epoch).map_err(io)?.map(|value| epoch_record(epoch, value.value())))
        })
    }
}

fn epoch_record(epoch: u64, (set_hash, hub_time): ([u8; 32], u64)) -> EpochRecord {
    EpochRecord { epoch, set_hash: B256::from(set_hash), hub_time }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;

    #[test]
    fn refuses_a_second_set_for_an_epoch_and_keeps_the_newest_trusted_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("j");
        let journal = Journal::open(&path, "me").unwrap();
        let record = EpochRecord { epoch: 2, set_hash: B256::repeat_byte(1), hub_time: 5 };
        journal.record_set(&SignableSet::for_test(record)).unwrap();
        journal.record_set(&SignableSet::for_test(record)).unwrap();
        let other = journal.record_set(&SignableSet::for_test(EpochRecord { hub_time: 6, ..record }));
        assert!(matches!(other, Err(SignError::ContradictsSet { .. })));
        assert_eq!(journal.trusted().unwrap(), None);
        let set = ValidatorSet::new(vec![Address::repeat_byte(7)]).unwrap();
        for epoch in [1, 2] {
            journal.trust(&EpochRecord { epoch, set_hash: set.hash(), hub_time: 5 }, &set).unwrap();
        }
        drop(journal);
        let journal = Journal::open(&path, "me").unwrap();
        assert_eq!(journal.set(2).unwrap(), Some(record));
        let trusted = EpochRecord { epoch: 2, set_hash: set.hash(), hub_time: 5 };
        assert_eq!(journal.trusted().unwrap(), Some((trusted, set)));
    }
}
