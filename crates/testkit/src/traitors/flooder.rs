//! Says false things as fast as it is let.

use std::time::Duration;

use alloy_primitives::keccak256;
use alloy_signer_local::PrivateKeySigner;
use icc_attest::{Attestation, AttestationBatch};
use icc_devnet::Devnet;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Traitor, lane};

/// False attestations of one request.
const BATCH: usize = 128;
/// Signed beforehand, and told again and again: what signing costs is the liar's affair.
const WORDS: u64 = 2048;
/// It ends by itself after this.
const LONGEST: Duration = Duration::from_secs(300);

/// A running flood.
#[derive(Debug)]
pub struct Flood {
    stop: CancellationToken,
    task: JoinHandle<usize>,
}

impl Flood {
    /// Ends it; how many false attestations it has told.
    ///
    /// # Errors
    /// If its task has failed.
    pub async fn end(self) -> eyre::Result<usize> {
        self.stop.cancel();
        Ok(self.task.await?)
    }
}

/// Tells the cores so many false attestations a second, on all lanes between the first three chains: of what is long final,
/// of what is not there yet, and with a key that is in no set.
///
/// # Errors
/// If the chains cannot be read.
pub async fn flood(devnet: &Devnet, traitor: &Traitor, per_second: usize) -> eyre::Result<Flood> {
    let stranger = Traitor { key: PrivateKeySigner::from_slice(&[0x77; 32])?.into(), domain: traitor.domain };
    let mut words = Vec::new();
    for (from, to) in [(0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)] {
        let (lane, sent) = lane(devnet, from, to).await?;
        for number in 0..WORDS / 6 {
            let accumulator = keccak256(number.to_be_bytes());
            let (liar, nonce) = match number % 3 {
                0 => (traitor, 1 + number % sent.max(1)),
                1 => (traitor, sent + 1000 + number),
                _ => (&stranger, 1 + number % sent.max(1)),
            };
            words.push(liar.attestation(lane.id(), nonce, accumulator)?);
        }
    }
    // All lanes in every request.
    words.sort_by_key(|word: &Attestation| {
        keccak256([word.lane.0.as_slice(), word.accumulator.as_slice()].concat())
    });
    let urls: Vec<Url> =
        devnet.core_urls.iter().map(|core| core.join("v1/attestations")).collect::<Result<_, _>>()?;
    let stop = CancellationToken::new();
    let task = tokio::spawn(tell(urls, words, per_second, stop.clone()));
    Ok(Flood { stop, task })
}

async fn tell(urls: Vec<Url>, words: Vec<Attestation>, per_second: usize, stop: CancellationToken) -> usize {
    let Ok(client) = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build() else {
        return 0;
    };
    let mut ticks = interval(Duration::from_secs(1) * BATCH as u32 / per_second.max(1) as u32);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = tokio::time::sleep(LONGEST);
    tokio::pin!(end);
    let mut told = 0;
    let mut batches = words.chunks(BATCH).cycle();
    for url in urls.iter().cycle() {
        tokio::select! {
            () = stop.cancelled() => break,
            () = &mut end => break,
            _ = ticks.tick() => {}
        }
        let Some(batch) = batches.next() else { break };
        let body = AttestationBatch { attestations: batch.to_vec() };
        if client.post(url.clone()).json(&body).send().await.is_ok() {
            told += batch.len();
        }
    }
    told
}
