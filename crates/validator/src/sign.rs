//! Journal first, signature second.

use std::sync::Arc;

use alloy_primitives::{Address, Bytes};
use icc_attest::{Attestation, FinalWord, JailWord, SignedSet};
use icc_chain::{AgreedFinal, Epoch};
use icc_protocol::{ChainId, Checkpoint, Domain, EpochRecord, LaneId};
use icc_service::Signer;

use crate::{
    ChainState, Journal, JournalError, SignError, SignableCheckpoints, SignableSet, words::FinalWords,
};

/// The journal and the key together: the only way to a signed checkpoint goes through the journal.
#[derive(Clone)]
pub struct Attestor {
    journal: Arc<Journal>,
    signer: Signer,
    domain: Domain,
    /// What peers are told is final.
    words: Arc<FinalWords>,
}

impl Attestor {
    /// Puts them together.
    pub fn new(journal: Journal, signer: Signer, domain: Domain) -> Self {
        Self { journal: Arc::new(journal), signer, domain, words: Arc::default() }
    }

    /// Records durably, then signs. A checkpoint recorded before gets the same signature again (RFC 6979).
    ///
    /// # Errors
    /// [`SignError`]; nothing is signed then.
    pub async fn attest(&self, signable: SignableCheckpoints) -> Result<Vec<Attestation>, SignError> {
        let this = self.clone();
        let signing = tokio::task::spawn_blocking(move || {
            this.journal.record(&signable)?;
            Ok(signable
                .checkpoints()
                .iter()
                .map(|checkpoint| this.sign(checkpoint))
                .collect::<Result<_, _>>()?)
        });
        signing.await.map_err(|error| JournalError::Unusable(error.to_string()))?
    }

    /// Attestations of what the journal has, from a nonce on.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn recorded(
        &self,
        lane: LaneId,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Attestation>, JournalError> {
        let this = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            this.journal.recorded(lane, from, limit)?.iter().map(|checkpoint| this.sign(checkpoint)).collect()
        });
        reading.await.map_err(|error| JournalError::Unusable(error.to_string()))?
    }

    /// Records an epoch's set durably; only then it may be served as signed.
    ///
    /// # Errors
    /// [`SignError`]; nothing is signed then.
    pub async fn attest_set(&self, set: SignableSet) -> Result<(), SignError> {
        let this = self.clone();
        let recording = tokio::task::spawn_blocking(move || this.journal.record_set(&set));
        recording.await.map_err(|error| JournalError::Unusable(error.to_string()))?
    }

    /// The newest epoch whose set is trusted; its signatures are not kept.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn trusted_epoch(&self) -> Result<Option<Epoch>, JournalError> {
        let trusted = self.journal.trusted()?;
        Ok(trusted.map(|(record, set)| Epoch { record, set, signatures: Bytes::new() }))
    }

    /// Trusts the set of an epoch from now on.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn trust(&self, epoch: &Epoch) -> Result<(), JournalError> {
        let (this, record, set) = (self.clone(), epoch.record, epoch.set.clone());
        let keeping = tokio::task::spawn_blocking(move || this.journal.trust(&record, &set));
        keeping.await.map_err(|error| JournalError::Unusable(error.to_string()))?
    }

    /// What signatures are made under.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// What this key has signed of an epoch, by the journal.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn signed_set(&self, epoch: u64) -> Result<Option<SignedSet>, JournalError> {
        let this = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let Some(record) = this.journal.set(epoch)? else { return Ok(None) };
            let signature = this
                .signer
                .sign(&record.digest(&this.domain))
                .map_err(|error| JournalError::Unusable(format!("the key cannot sign: {error}")))?;
            let EpochRecord { epoch, set_hash, hub_time } = record;
            Ok(Some(SignedSet { epoch, set_hash, hub_time, signature }))
        });
        reading.await.map_err(|error| JournalError::Unusable(error.to_string()))?
    }

    /// This validator's word that another is silent, in the newest trusted epoch.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn jail_words(&self, silent: Vec<Address>) -> Result<Vec<JailWord>, JournalError> {
        let Some(trusted) = self.trusted_epoch()? else { return Ok(Vec::new()) };
        let epoch = trusted.record.epoch;
        let words = silent.into_iter().map(|validator| {
            let digest = self.domain.jail_digest(validator, epoch);
            let signature = self
                .signer
                .sign(&digest)
                .map_err(|error| JournalError::Unusable(format!("the key cannot sign: {error}")))?;
            Ok(JailWord { validator, epoch, signature })
        });
        words.collect()
    }

    /// The state that a chain was followed to.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn progress(&self, chain: ChainId) -> Result<Option<ChainState>, JournalError> {
        self.journal.progress(chain)
    }

    /// Notes what this validator's endpoints call final.
    pub(crate) fn saw_final(&self, chain: ChainId, agreed: &AgreedFinal) {
        self.words.note(chain, agreed);
    }

    /// This validator's word on what is final at a height or above it; `None` before it knows.
    ///
    /// # Errors
    /// [`JournalError`] if the key cannot sign.
    pub fn final_word(&self, chain: ChainId, height: u64) -> Result<Option<FinalWord>, JournalError> {
        let word = self.words.word(chain, height, (&self.domain, &self.signer));
        word.map_err(|error| JournalError::Unusable(format!("the key cannot sign: {error}")))
    }

    /// The address that signs.
    pub fn address(&self) -> alloy_primitives::Address {
        self.signer.address()
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Whether this key has made a signature.
    pub(crate) fn is_own(&self, attestation: &Attestation) -> bool {
        let digest = self.domain.checkpoint_digest(&attestation.checkpoint());
        attestation.signature.recover(&digest) == Ok(self.address())
    }

    fn sign(&self, checkpoint: &Checkpoint) -> Result<Attestation, JournalError> {
        let signature = self
            .signer
            .sign(&self.domain.checkpoint_digest(checkpoint))
            .map_err(|error| JournalError::Unusable(format!("the key cannot sign: {error}")))?;
        let Checkpoint { lane, nonce, accumulator } = *checkpoint;
        Ok(Attestation { lane, nonce, accumulator, signature })
    }
}
