//! Signs the sets of new epochs when they are final on the hub, and keeps the set that this validator trusts.
//!
//! A set is signed if the registry's own storage has it at a block that may be signed: the same rule, and the same types,
//! as for checkpoints. Which set to believe in follows without any endpoint: a quorum of the trusted set has signed
//! the next one. Only at the very first start there is none; then the registry's storage says which is the newest that was
//! signed, proved at a block that every endpoint calls final and that is fresh by this machine's clock. The same again
//! after two weeks away: those whose signatures would be followed may have left by then, with their bonds. An operator
//! may name the epoch instead.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256};
use icc_chain::{ChainError, Epoch, HubProver};
use icc_protocol::SignatureSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{Attestor, FinalHead, JournalError, Peer, Peers, SignError, SignableBlock, ancestry::Ancestry};

/// Between two looks at the hub.
const PAUSE: Duration = Duration::from_secs(1);
/// Looks between two readings of the other validators' URLs.
const LOOKS_PER_READING: u32 = 30;
/// A trusted set that was made so long ago is read anew before its signatures are followed: a week before bonds are free.
const BELIEVED_FOR: Duration = Duration::from_secs(14 * 24 * 3600);
/// Between two such readings, where the hub itself has made no other set since.
const READ_AGAIN: Duration = Duration::from_secs(3600);
/// Epochs gone through in one look.
const MOST_AT_ONCE: u64 = 16;

/// Why no set is signed at the moment.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// Endpoints disagree, are missing, or told something that does not verify. An abstention.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// No endpoint tells the members that the registry's record commits to. An abstention.
    #[error("no endpoint tells the members of epoch {0} as the registry has them")]
    Untold(u64),
    /// Not every endpoint calls this final, and too few peers do. An abstention.
    #[error("not all endpoints agree on what is final on the hub, and too few other validators vouch for it")]
    NotVouched,
    /// All endpoints agree on a block of the hub that is too old to say whom to trust now. An abstention.
    #[error(
        "the newest block of the hub that all endpoints call final is {0} seconds old: too old to begin with. One of them \
         may hold the others back; or start with validator.trusted_epoch"
    )]
    Stale(u64),
    /// The journal or the rules forbid it.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl From<JournalError> for SetError {
    fn from(error: JournalError) -> Self {
        Self::Sign(error.into())
    }
}

/// Whom to trust before any set is trusted.
#[derive(Debug, Clone, Copy)]
pub struct FirstTrust {
    /// An epoch and the hash of its set, by the operator's word.
    pub anchor: Option<(u64, B256)>,
    /// The oldest that a final block of the hub may be to say so: its finality, and a margin.
    pub oldest: Duration,
}

/// Watches the hub's registry.
pub struct SetWatcher {
    hub: Arc<dyn HubProver>,
    attestor: Attestor,
    peers: Peers,
    /// The newest epoch whose set this validator believes in.
    trusted: Option<Epoch>,
    /// When an old set was last read anew.
    reread: Option<Instant>,
    looks: u32,
    first: FirstTrust,
    ancestry: Ancestry,
}

impl SetWatcher {
    /// A watcher that trusts what the journal says it has trusted before.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn new(
        hub: Arc<dyn HubProver>,
        attestor: Attestor,
        peers: Peers,
        first: FirstTrust,
    ) -> Result<Self, JournalError> {
        let (trusted, ancestry) = (attestor.trusted_epoch()?, Ancestry::default());
        Ok(Self { hub, attestor, peers, trusted, reread: None, looks: 0, first, ancestry })
    }

    /// Watches until `shutdown`. What endpoints do is an abstention and never ends it.
    ///
    /// # Errors
    /// Only what must stop the signing of sets: [`SetError::Sign`].
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), SetError> {
        loop {
            let step = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                step = self.step() => step,
            };
            match step {
                Ok(()) => {}
                Err(SetError::Sign(error)) => return Err(error.into()),
                Err(error) => tracing::warn!(chain = %self.hub.chain(), %error, "no set is signed"),
            }
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = sleep(PAUSE) => {}
            }
        }
    }

    async fn step(&mut self) -> Result<(), SetError> {
        let mut trusted = self.believed().await?;
        for _ in 0..MOST_AT_ONCE {
            match self.next_trusted(&trusted).await {
                Some(next) => {
                    self.attestor.trust(&next).await?;
                    tracing::info!(epoch = next.record.epoch, "the set of an epoch is trusted");
                    trusted = next;
                    self.looks = 0;
                }
                None => break,
            }
        }
        let signed = self.sign_after(&trusted).await;
        if self.looks.is_multiple_of(LOOKS_PER_READING) {
            self.read_peers(&trusted).await;
        }
        self.looks = self.looks.wrapping_add(1);
        self.trusted = Some(trusted);
        signed
    }

    /// The set that is trusted now. While that cannot be told, the one before is kept, and nothing is signed.
    async fn believed(&mut self) -> Result<Epoch, SetError> {
        let before = self.trusted.clone();
        let known = before.as_ref().map(|trusted| trusted.record.epoch);
        if let Some(anchor) = self.first.anchor
            && known.is_none_or(|known| known < anchor.0)
        {
            return self.anchored(anchor).await;
        }
        match before {
            Some(trusted) if self.is_doubtful(&trusted) => {
                let read = self.first_trusted(trusted.record.epoch).await?;
                self.reread = Some(Instant::now());
                Ok(read)
            }
            Some(trusted) => Ok(trusted),
            None => self.first_trusted(0).await,
        }
    }

    /// The epoch that the operator has named. Its members are who hashes to what he said, whoever tells them; its time is
    /// not in that hash, and is taken to be no later than now.
    async fn anchored(&self, (epoch, set_hash): (u64, B256)) -> Result<Epoch, SetError> {
        let named = |told: &Epoch| told.record.set_hash == set_hash;
        let mut told = self.told(epoch, named).await.ok_or(SetError::Untold(epoch))?;
        told.record.hub_time = told.record.hub_time.min(unix_seconds());
        self.attestor.trust(&told).await?;
        tracing::info!(epoch, "the set of an epoch is trusted: by validator.trusted_epoch");
        Ok(told)
    }

    /// Signs what the hub has made after the newest trusted epoch. Evidence can make several without waiting.
    async fn sign_after(&mut self, trusted: &Epoch) -> Result<(), SetError> {
        let own = self.attestor.address();
        let mut before = trusted.clone();
        let mut block = None;
        for _ in 0..MOST_AT_ONCE {
            let next = before.record.epoch + 1;
            if !self.is_told(next).await {
                return Ok(());
            }
            let block = match block {
                Some(block) => block,
                None => *block.insert(self.final_block().await?),
            };
            let Some(proved) = self.hub.prove_epoch(block.at(), next).await? else { return Ok(()) };
            let Some(set) = block.set(proved) else { return Ok(()) };
            let record = proved.record;
            if before.set.position(&own).is_some() && self.attestor.signed_set(next).await?.is_none() {
                self.attestor.attest_set(set).await?;
                tracing::info!(epoch = next, set = %record.set_hash, "signed a set");
            }
            before = self.told(next, |epoch| epoch.record == record).await.ok_or(SetError::Untold(next))?;
        }
        Ok(())
    }

    /// Whether it is worth to ask for a proof: any endpoint's word will do.
    async fn is_told(&self, epoch: u64) -> bool {
        for attempt in 0..self.hub.endpoints().len() {
            let Ok(told) = self.hub.told_by(attempt) else { continue };
            if told.progress().await.is_ok_and(|progress| progress.newest >= epoch) {
                return true;
            }
        }
        false
    }

    /// A block of the hub that is final beyond doubt.
    async fn final_block(&mut self) -> Result<SignableBlock, SetError> {
        let agreed = self.hub.agreed_finalized().await?;
        let head = match agreed.by_all {
            Some(by_all) => FinalHead::from(by_all),
            None => {
                let hub = self.hub.as_ref();
                let vouched = self.peers.vouched(hub, agreed.by_quorum, &mut self.ancestry).await;
                vouched.ok_or(SetError::NotVouched)?.into()
            }
        };
        self.signable(head).await
    }

    async fn signable(&self, head: FinalHead) -> Result<SignableBlock, SetError> {
        let header = self.hub.header(head.at().hash).await?;
        head.reach(&[header]).ok_or_else(|| ChainError::UnknownBlock(head.at().to_string()).into())
    }

    /// Whether the signatures of a trusted set prove nothing any more.
    fn is_doubtful(&self, trusted: &Epoch) -> bool {
        let age = Duration::from_secs(unix_seconds().saturating_sub(trusted.record.hub_time));
        age > BELIEVED_FOR && self.reread.is_none_or(|reread| reread.elapsed() > READ_AGAIN)
    }

    /// The newest signed epoch, `least` or later, as the registry's storage has it at a block that every single endpoint
    /// calls final and that is fresh. Endpoints choose neither: the lowest of them all is what all agree on, so one that
    /// stands still could bring back a set whose keys are anybody's by now.
    async fn first_trusted(&self, least: u64) -> Result<Epoch, SetError> {
        let head = self.hub.agreed_finalized().await?.by_all.ok_or(SetError::NotVouched)?;
        let block = self.signable(head.into()).await?;
        let age = unix_seconds().saturating_sub(block.timestamp());
        if age > self.first.oldest.as_secs() {
            return Err(SetError::Stale(age));
        }
        let signed = self.hub.prove_signed_epoch(block.at()).await?;
        if signed < least {
            return Err(SetError::Untold(least));
        }
        let proved = self.hub.prove_epoch(block.at(), signed).await?.ok_or(SetError::Untold(signed))?;
        let told = self.told(signed, |epoch| epoch.record == proved.record).await;
        let epoch = told.ok_or(SetError::Untold(signed))?;
        self.attestor.trust(&epoch).await?;
        tracing::info!(epoch = epoch.record.epoch, "the set of an epoch is trusted: by its proof alone");
        Ok(epoch)
    }

    /// The epoch after a trusted one, by whoever tells it with a quorum of the trusted set's signatures.
    async fn next_trusted(&self, trusted: &Epoch) -> Option<Epoch> {
        let domain = *self.attestor.domain();
        let believed = |epoch: &Epoch| {
            SignatureSet::unpack(&epoch.signatures)
                .is_ok_and(|signatures| signatures.is_of_quorum(&trusted.set, &epoch.record.digest(&domain)))
        };
        self.told(trusted.record.epoch + 1, believed).await
    }

    /// An epoch as any endpoint tells it, if its members are those of its record, and it passes.
    async fn told(&self, epoch: u64, passes: impl Fn(&Epoch) -> bool) -> Option<Epoch> {
        for attempt in 0..self.hub.endpoints().len() {
            let Ok(told) = self.hub.told_by(attempt) else { continue };
            let Ok(told) = told.epoch(epoch).await else { continue };
            if told.record.epoch == epoch && told.set.hash() == told.record.set_hash && passes(&told) {
                return Some(told);
            }
        }
        None
    }

    /// Where the trusted members serve, by more than half of the endpoints. A wrong URL makes a peer silent, no more: its
    /// word is signed.
    async fn read_peers(&self, trusted: &Epoch) {
        let own = self.attestor.address();
        let members: Vec<Address> =
            trusted.set.members().iter().copied().filter(|member| *member != own).collect();
        let mut told = Vec::new();
        for member in &members {
            if let Some(url) = self.told_url(*member).await {
                told.push(Peer { url, address: *member });
            }
        }
        self.peers.registered(members, told);
    }

    async fn told_url(&self, member: Address) -> Option<Url> {
        let endpoints = self.hub.endpoints().len();
        let mut voices: Vec<Url> = Vec::new();
        for attempt in 0..endpoints {
            let Ok(told) = self.hub.told_by(attempt) else { continue };
            let Ok(registration) = told.registration(member).await else { continue };
            let Ok(url) = registration.url.parse::<Url>() else { continue };
            voices.push(url.clone());
            if voices.iter().filter(|voice| **voice == url).count() * 2 > endpoints {
                return Some(url);
            }
        }
        None
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
