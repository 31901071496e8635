//! Proves a lie to the contracts by nothing but a file and a node of each chain: for strangers (`icc evidence submit`)
//! and for validators, who submit what they kept when nobody else has after a while.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use alloy_primitives::{Address, B256, keccak256};
use eyre::{OptionExt, WrapErr, ensure};
use icc_attest::{Attestation, Evidence, SNAPSHOT_INTERVAL};
use icc_chain::{Call, ChainError, ChainReader, Event, FalseCheckpoint, Hub, RemoteEnd, Standing};
use icc_chain_evm::{Account, EvmChain, EvmHub, EvmReader, EvmSubmitter};
use icc_protocol::{Lane, fold};
use icc_relay::is_settled;
use icc_service::{Signer, config::Config};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::wiring;

/// A proof has at most 256 leaves.
const MAX_FILE_BYTES: u64 = 256 * 1024;
/// Between two looks at what a validator has kept.
const LOOK: Duration = Duration::from_secs(10);
/// Files looked at; one for each lane and liar.
const MAX_FILES: usize = 1024;
/// Tries of one file by one process, the pauses between them growing.
const MAX_ATTEMPTS: u32 = 16;
/// Validators that have seen the same lie come after each other by up to so many shares of their grace.
const TURNS: u32 = 8;

/// What became of a proof.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It was taken, in this transaction.
    Submitted(B256),
    /// It need not be submitted, for this reason.
    Needless(String),
}

/// What a lane's outbox has sent, by the chain's events.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Its newest nonce.
    pub(crate) newest: u64,
    /// The accumulator at the nonce that was asked for; `None` beyond the newest.
    pub(crate) accumulator: Option<B256>,
    /// The leaves after that nonce; as many as a proof may have.
    pub(crate) leaves: Vec<B256>,
    /// The newest set that has had the member asked for, and the place in it.
    membership: Option<(u64, u64)>,
}

/// Up to where a lane is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpTo {
    Final,
    Head,
}

/// Reads a file of evidence.
pub(crate) fn read(file: &Path) -> eyre::Result<Evidence> {
    let size = fs::metadata(file).wrap_err_with(|| format!("cannot read {}", file.display()))?.len();
    ensure!(size <= MAX_FILE_BYTES, "{} has {size} bytes; no evidence is so long", file.display());
    let text = fs::read_to_string(file).wrap_err_with(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).wrap_err_with(|| format!("{} is no evidence", file.display()))
}

/// Folds a lane's messages as the chain has them, around the nonce of what was signed by `signer`.
pub(crate) async fn sent_on(
    config: &Config,
    lane: &Lane,
    signed: &Attestation,
    signer: Address,
    up_to: UpTo,
) -> eyre::Result<Sent> {
    let (chain, start_block) = source(config, lane)?;
    let max_range = chain.max_range;
    let reader = EvmReader::new(chain)?;
    let last = match up_to {
        UpTo::Final => reader.finalized().await?.at.number,
        UpTo::Head => reader.head().await?.at.number,
    };
    let mut sent = Sent::default();
    let mut accumulator = lane.id().0;
    if signed.nonce == 0 {
        sent.accumulator = Some(accumulator);
    }
    let mut from = start_block + 1;
    while from <= last {
        let to = last.min(from.saturating_add(max_range - 1));
        for located in reader.events_in_range(from, to).await? {
            match located.event {
                Event::Sent(message)
                    if (message.destination, message.generation)
                        == (lane.destination_chain, lane.generation) =>
                {
                    let leaf = keccak256(&message.message);
                    sent.newest += 1;
                    accumulator = fold(accumulator, leaf);
                    if sent.newest == signed.nonce {
                        sent.accumulator = Some(accumulator);
                    } else if sent.newest > signed.nonce && sent.leaves.len() < SNAPSHOT_INTERVAL as usize {
                        sent.leaves.push(leaf);
                    }
                }
                Event::SetRotated { epoch, members, .. } => {
                    let place = members.chunks_exact(20).position(|one| one == signer.as_slice());
                    sent.membership = place.map(|place| (epoch, place as u64)).or(sent.membership);
                }
                _ => {}
            }
        }
        from = to + 1;
    }
    Ok(sent)
}

/// The chain where a lane begins, and the block after which its gateway was made.
fn source(config: &Config, lane: &Lane) -> eyre::Result<(EvmChain, u64)> {
    let found = config.chains.iter().find(|(_, chain)| chain.id == lane.source_chain.0);
    let (name, chain_config) = found.ok_or_eyre("the lane's source is not in the configuration")?;
    let chain = wiring::chain(name, chain_config)?;
    ensure!(chain.gateway.into_word() == lane.source_gateway, "the lane is of another gateway of {name}");
    Ok((chain, chain_config.start_block))
}

/// Submits a proof where it is taken; `signer` pays, and gets the reporter's share.
pub(crate) async fn prosecute(
    config: &Config,
    evidence: &Evidence,
    signer: &Signer,
) -> eyre::Result<Verdict> {
    ensure!(
        config.network == evidence.network(),
        "this is of network {}, and the configuration of {}",
        evidence.network(),
        config.network
    );
    let liar = evidence.verify().wrap_err("this proves nothing")?.signer;
    let reporter = signer.address();
    let hub = wiring::hub_chain(config)?;
    // Equivocation is tried all the same: it outweighs what needs the guardian's confirmation.
    let lesser = !matches!(evidence, Evidence::Equivocation { .. });
    if lesser && EvmHub::new(&hub)?.registration(liar).await?.standing == Standing::Convicted {
        return Ok(Verdict::Needless("the registry has convicted it already".to_owned()));
    }
    let (chain, call) = match evidence {
        Evidence::Equivocation { one, other, .. } => {
            let (one, other) = ((one.checkpoint(), one.signature), (other.checkpoint(), other.signature));
            (hub, Call::ProveEquivocation { one, other, reporter })
        }
        Evidence::FalseSet { signed, .. } => {
            (hub, Call::ProveFalseSet { record: signed.record(), signature: signed.signature, reporter })
        }
        Evidence::FalseCheckpoint { lane, signed, .. } => {
            let sent = sent_on(config, lane, signed, liar, UpTo::Head).await?;
            if sent.accumulator == Some(signed.accumulator) {
                return Ok(Verdict::Needless("the outbox bears it out by now".to_owned()));
            }
            (source(config, lane)?.0, report(lane, signed, (liar, reporter), sent)?)
        }
    };
    let account = Account::new(chain.clone(), signer.key())?;
    account.check_chain_id().await?;
    let (to, data) = EvmSubmitter::new(chain, &[])?.calldata(&call);
    match account.transact(Some(to), data).await {
        Ok(receipt) => Ok(Verdict::Submitted(receipt.transaction)),
        Err(ChainError::Reverted { reason, .. }) if is_settled(&reason) => Ok(Verdict::Needless(reason)),
        Err(error) => Err(error.into()),
    }
}

/// For the gateway at the source, which knows the accumulator where its outbox stands, and at every 256th nonce.
fn report(
    lane: &Lane,
    signed: &Attestation,
    (signer, reporter): (Address, Address),
    sent: Sent,
) -> eyre::Result<Call> {
    let membership = sent.membership.ok_or_eyre("the gateway at the source never had the signer in a set")?;
    let mut leaves = sent.leaves;
    let to_snapshot = signed.nonce.next_multiple_of(SNAPSHOT_INTERVAL) - signed.nonce;
    // Nonce 0 is the lane's id: known without any leaves.
    leaves.truncate(usize::try_from(to_snapshot)?);
    Ok(Call::ReportFalseCheckpoint(Box::new(FalseCheckpoint {
        checkpoint: signed.checkpoint(),
        signature: signed.signature,
        signer,
        reporter,
        destination: RemoteEnd {
            chain: lane.destination_chain,
            gateway: lane.destination_gateway,
            generation: lane.generation,
        },
        membership,
        accumulator: sent.accumulator.unwrap_or_default(),
        leaves,
    })))
}

/// Submits what a validator's watchtower has kept, once each, when the cores have not for a while.
pub(crate) struct Prosecutor {
    pub(crate) config: Config,
    pub(crate) signer: Signer,
    /// Where evidence is kept; what became of one stands beside it.
    pub(crate) folder: PathBuf,
    /// How long others have to submit it first.
    pub(crate) grace: Duration,
}

impl Prosecutor {
    /// Looks until `shutdown`; what fails is tried again.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut tries: BTreeMap<PathBuf, (u32, SystemTime)> = BTreeMap::new();
        let look = LOOK.min(self.grace.max(Duration::from_secs(1)));
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = sleep(look) => {}
            }
            for file in self.due(&tries) {
                let (attempts, since) = tries.entry(file.clone()).or_insert((0, SystemTime::now()));
                (*attempts, *since) = (*attempts + 1, SystemTime::now());
                let attempts = *attempts;
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = self.submit(&file, attempts) => {}
                }
            }
        }
    }

    /// Files without an outcome whose time has come.
    fn due(&self, tries: &BTreeMap<PathBuf, (u32, SystemTime)>) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let files = entries.flatten().map(|entry| entry.path());
        let open = files.filter(|file| {
            file.extension().is_some_and(|extension| extension == "json") && !outcome_of(file).exists()
        });
        open.take(MAX_FILES).filter(|file| self.is_due(file, tries.get(file))).collect()
    }

    fn is_due(&self, file: &Path, tried: Option<&(u32, SystemTime)>) -> bool {
        let (after, since) = match tried {
            Some((attempts, _)) if *attempts >= MAX_ATTEMPTS => return false,
            Some((attempts, at)) => (self.grace * (1 << attempts.min(&8)), Some(*at)),
            None => (self.patience(file), fs::metadata(file).and_then(|data| data.modified()).ok()),
        };
        since.and_then(|since| since.elapsed().ok()).is_some_and(|elapsed| elapsed >= after)
    }

    /// The grace, and this validator's turn among those that have kept the same: the first spares the others the gas.
    fn patience(&self, file: &Path) -> Duration {
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        let turn = keccak256([self.signer.address().as_slice(), name].concat())[0];
        self.grace + self.grace * (u32::from(turn) % TURNS) / 2
    }

    async fn submit(&self, file: &Path, attempts: u32) {
        let outcome = async { prosecute(&self.config, &read(file)?, &self.signer).await }.await;
        let text = match outcome {
            Ok(Verdict::Submitted(transaction)) => {
                metrics::counter!("icc_evidence_submitted_total").increment(1);
                format!("submitted: transaction {transaction}")
            }
            Ok(Verdict::Needless(why)) => format!("not submitted: {why}"),
            Err(error) => {
                tracing::warn!(file = %file.display(), attempts, error = format!("{error:#}"), "evidence is not taken");
                return;
            }
        };
        tracing::warn!(file = %file.display(), "evidence {text}");
        if let Err(error) = fs::write(outcome_of(file), text + "\n") {
            tracing::error!(file = %file.display(), %error, "what became of evidence cannot be written down");
        }
    }
}

fn outcome_of(file: &Path) -> PathBuf {
    file.with_extension("outcome")
}
