//! Whom a validator trusts that has never trusted anybody, or was away for long: one lying endpoint of three does not choose.
use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::Address;
use icc_chain::{Epoch, EpochProgress, Hub, HubProver, ProvedEpoch, Registration};
use icc_protocol::{EpochRecord, SignatureSet, ValidatorSet};
use icc_validator::{FirstTrust, SetWatcher};

use super::*;

fn keys(from: u8) -> Vec<PrivateKeySigner> {
    (from..from + 4).map(|byte| PrivateKeySigner::from_slice(&[byte; 32]).unwrap()).collect()
}
fn set_of(from: u8) -> ValidatorSet {
    let mut members: Vec<Address> = keys(from).iter().map(|key| key.address()).collect();
    members.sort();
    ValidatorSet::new(members).unwrap()
}
static NOW: LazyLock<u64> = LazyLock::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());

fn now() -> u64 {
    *NOW
}

/// Epoch 1 was made 100 days ago, of keys 11..; 20 epochs, the newest an hour ago. All true sets after the first are of keys 21...
fn record(epoch: u64) -> (EpochRecord, ValidatorSet) {
    let set = if epoch == 1 { set_of(11) } else { set_of(21) };
    let hub_time = now() - (20 - epoch) * 5 * 86_400 - 3600;
    (EpochRecord { epoch, set_hash: set.hash(), hub_time }, set)
}
fn signed_by(from: u8, record: &EpochRecord) -> Bytes {
    let domain = Domain::new(NETWORK);
    let set = set_of(from);
    let words = keys(from)
        .into_iter()
        .map(|key| {
            let address = key.address();
            (address, Signer::new(key).sign(&record.digest(&domain)).unwrap())
        })
        .collect::<Vec<_>>();
    SignatureSet::of_quorum(&set, words).unwrap().pack().into()
}

struct HubNode {
    hints: watch::Sender<u64>,
    /// Of the newest final block, in seconds.
    age: u64,
    unanimous: bool,
}

/// The registry by one endpoint; true: it lies.
struct Told(bool);

#[async_trait]
impl Hub for Told {
    fn chain(&self) -> ChainId {
        HERE
    }
    async fn progress(&self) -> Result<EpochProgress, ChainError> {
        let signed = if self.0 { 1 } else { 20 };
        Ok(EpochProgress { newest: 20, signed, due: false })
    }
    async fn epoch(&self, epoch: u64) -> Result<Epoch, ChainError> {
        if self.0 && epoch == 2 {
            // Signed by those who left, with their bonds, 80 days ago.
            let set = set_of(91);
            let record = EpochRecord { epoch: 2, set_hash: set.hash(), hub_time: now() };
            return Ok(Epoch { signatures: signed_by(11, &record), record, set });
        }
        if epoch == 0 || epoch > 20 || (self.0 && epoch > 2) {
            return Err(ChainError::Misconfigured("no such epoch".to_owned()));
        }
        let (record, set) = record(epoch);
        let signatures = signed_by(if epoch <= 2 { 11 } else { 21 }, &record);
        Ok(Epoch { record, set, signatures })
    }
    async fn registration(&self, _: Address) -> Result<Registration, ChainError> {
        Err(ChainError::Misconfigured("nobody".to_owned()))
    }
    async fn waiting(&self) -> Result<Vec<Address>, ChainError> {
        Ok(Vec::new())
    }
    async fn held_epoch(&self, _: ChainId) -> Result<Option<u64>, ChainError> {
        Ok(None)
    }
}

#[async_trait]
impl Prover for HubNode {
    fn chain(&self) -> ChainId {
        HERE
    }
    fn gateway(&self) -> B256 {
        GATEWAY
    }
    fn head_hints(&self) -> HeadHints {
        self.hints.subscribe()
    }
    async fn agreed_finalized(&self) -> Result<AgreedFinal, ChainError> {
        let block = BlockRef { number: 50, hash: hash(50) };
        let by_all = self.unanimous.then(|| UnanimousFinal::by_every_endpoint(block));
        Ok(AgreedFinal { by_quorum: QuorumBlock::by_quorum(block), by_all })
    }
    async fn agreed_block(&self, number: u64) -> Result<QuorumBlock, ChainError> {
        Ok(QuorumBlock::by_quorum(BlockRef { number, hash: hash(number) }))
    }
    async fn agreed_head(&self) -> Result<QuorumBlock, ChainError> {
        self.agreed_block(52).await
    }
    async fn header(&self, hash: B256) -> Result<HashedHeader, ChainError> {
        let at = BlockRef { number: 50, hash };
        Ok(HashedHeader::recomputed(at, B256::ZERO, now() - self.age))
    }
    async fn prove_outboxes(&self, block: BlockRef, _: &[ChainId]) -> Result<ProvedOutboxes, ChainError> {
        Ok(ProvedOutboxes { header: self.header(block.hash).await?, outboxes: Default::default() })
    }
    async fn prove_snapshots(&self, _: BlockRef, _: LaneId, _: &[u64]) -> Result<Vec<B256>, ChainError> {
        Ok(Vec::new())
    }
    async fn told_events(&self, _: u64, _: u64, _: usize) -> Result<Vec<LocatedEvent>, ChainError> {
        Ok(Vec::new())
    }
    fn endpoints(&self) -> Vec<String> {
        ["evil", "honest-1", "honest-2"].map(str::to_owned).to_vec()
    }
}

#[async_trait]
impl HubProver for HubNode {
    /// What the registry's storage has: the truth, as it is proved.
    async fn prove_epoch(&self, block: BlockRef, epoch: u64) -> Result<Option<ProvedEpoch>, ChainError> {
        Ok((1..=20).contains(&epoch).then(|| ProvedEpoch { block, record: record(epoch).0 }))
    }
    async fn prove_signed_epoch(&self, _: BlockRef) -> Result<u64, ChainError> {
        Ok(20)
    }
    fn told_by(&self, attempt: usize) -> Result<Box<dyn Hub>, ChainError> {
        Ok(Box::new(Told(attempt.is_multiple_of(3))))
    }
}

/// The epoch and set that a validator trusts after a while, if any.
async fn trusted(age: u64, unanimous: bool, anchor: Option<(u64, B256)>) -> Option<Epoch> {
    icc_service::install_tls();
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("journal"), "test").unwrap();
    let key = PrivateKeySigner::from_slice(&[7; 32]).unwrap();
    let attestor = Attestor::new(journal, Signer::new(key), Domain::new(NETWORK));
    let peers = Peers::new(reqwest::Client::new(), Domain::new(NETWORK), Vec::new());
    let first = FirstTrust { anchor, oldest: Duration::from_secs(600) };
    let hub = Arc::new(HubNode { hints: watch::channel(0).0, age, unanimous });
    let watcher = SetWatcher::new(hub, attestor.clone(), peers, first).unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(watcher.run(stop.clone()));
    let found = async {
        loop {
            match attestor.trusted_epoch().unwrap() {
                // Followed to the end, as it would be if it could.
                Some(trusted) if trusted.record.epoch >= 20 => return,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(1500), found).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    attestor.trusted_epoch().unwrap()
}

/// Attack: one of three endpoints tells a new validator that epoch 1 is the newest signed one, and that those who were in it,
/// and are gone with their bonds for months, have signed its successor.
#[tokio::test]
async fn one_liar_does_not_choose_whom_a_new_validator_trusts() {
    let trusted = trusted(60, true, None).await.unwrap();
    assert_eq!((trusted.record.epoch, trusted.set), (20, set_of(21)));
}

/// Attack: it holds the others back instead: all agree on a block that was final long ago.
#[tokio::test]
async fn an_old_block_says_nothing_to_a_new_validator() {
    assert_eq!(trusted(86_400, true, None).await, None);
    assert_eq!(trusted(60, false, None).await, None, "nor one that not all call final");
}

/// An operator's word is enough where endpoints are of no use; a set that does not hash to it is not believed.
#[tokio::test]
async fn an_anchor_is_trusted_and_nothing_else() {
    let anchored = trusted(86_400, false, Some((19, set_of(21).hash()))).await.unwrap();
    assert_eq!((anchored.record.epoch, anchored.set), (20, set_of(21)), "and followed on from there");
    assert_eq!(trusted(86_400, false, Some((2, set_of(11).hash()))).await, None);
    let other = trusted(60, true, Some((19, set_of(91).hash()))).await;
    assert_eq!(other, None, "nobody tells such a set");
}
