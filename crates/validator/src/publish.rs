//! Hands attestations to the cores, in the background. A core that is away misses nothing: it can ask for what it
//! lacks (see `ingress`).

use std::{collections::VecDeque, time::Duration};

use icc_attest::{Attestation, AttestationBatch, MAX_BATCH};
use tokio::{sync::mpsc, time::sleep};
use tokio_util::sync::CancellationToken;
use url::Url;

/// Attestations that wait for one core, at most; older ones are dropped first.
const MAX_QUEUE: usize = 4096;
/// Batches between the signer and one core's task.
const CHANNEL: usize = 1024;

/// Where watchers put what they have signed.
#[derive(Clone, Default)]
pub struct Publisher(Vec<mpsc::Sender<Vec<Attestation>>>);

impl Publisher {
    /// Queues attestations for all cores; never waits.
    pub fn publish(&self, attestations: Vec<Attestation>) {
        if attestations.is_empty() {
            return;
        }
        for core in &self.0 {
            if core.try_send(attestations.clone()).is_err() {
                metrics::counter!("icc_validator_publish_dropped_total").increment(1);
            }
        }
    }
}

/// Starts a task per core; returns the publisher that feeds them. At most one request per core is under way.
pub fn publish(client: reqwest::Client, cores: &[Url], shutdown: &CancellationToken) -> Publisher {
    let senders = cores.iter().map(|core| {
        let (sender, receiver) = mpsc::channel(CHANNEL);
        tokio::spawn(feed(client.clone(), core.clone(), receiver, shutdown.clone()));
        sender
    });
    Publisher(senders.collect())
}

async fn feed(
    client: reqwest::Client,
    core: Url,
    mut receiver: mpsc::Receiver<Vec<Attestation>>,
    shutdown: CancellationToken,
) {
    let mut queue: VecDeque<Attestation> = VecDeque::new();
    let mut pause = Duration::from_millis(100);
    loop {
        if queue.is_empty() {
            tokio::select! {
                () = shutdown.cancelled() => return,
                batch = receiver.recv() => match batch {
                    Some(batch) => queue.extend(batch),
                    None => return,
                },
            }
        }
        while let Ok(batch) = receiver.try_recv() {
            queue.extend(batch);
        }
        while queue.len() > MAX_QUEUE {
            queue.pop_front();
        }
        let batch: Vec<Attestation> = queue.iter().take(MAX_BATCH).copied().collect();
        match post(&client, &core, &batch).await {
            Ok(()) => {
                queue.drain(..batch.len());
                pause = Duration::from_millis(100);
            }
            Err(error) => {
                tracing::debug!(core = core.host_str(), port = core.port(), %error, "core did not take attestations");
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = sleep(pause) => {}
                }
                pause = (pause * 2).min(Duration::from_secs(10));
            }
        }
    }
}

/// A core that understood the batch has settled it, refusals included: repeating them changes nothing.
async fn post(client: &reqwest::Client, core: &Url, batch: &[Attestation]) -> Result<(), String> {
    let url = core.join("v1/attestations").map_err(|error| error.to_string())?;
    let body = AttestationBatch { attestations: batch.to_vec() };
    let response =
        client.post(url).json(&body).send().await.map_err(|error| error.without_url().to_string())?;
    let status = response.status();
    let later =
        [reqwest::StatusCode::REQUEST_TIMEOUT, reqwest::StatusCode::TOO_MANY_REQUESTS].contains(&status);
    if status.is_success() || (status.is_client_error() && !later) {
        Ok(())
    } else {
        Err(format!("status {status}"))
    }
}
