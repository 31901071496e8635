//! Asks validators for attestations that have not arrived: after a core's outage, or a lost database.

use std::{collections::HashMap, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use icc_attest::{SNAPSHOT_INTERVAL, SignPointRequest};
use icc_protocol::{LaneId, SIGN_INTERVAL};
use icc_store::{Store, StoreError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{Directory, Intake, Origin, ValidatorClient};

/// How often to look; a lane that lacks a quorum twice in a row is asked for.
const INTERVAL: Duration = Duration::from_secs(2);

/// Windows of older sign points asked for in one round.
const WINDOWS: u64 = 8;

/// A lane that lacks a quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lacking {
    /// The nonce delivered so far.
    delivered: u64,
    /// The next nonce that has a quorum, if any has: too far to be delivered in one step.
    next: Option<u64>,
}

/// Asks validators for what is missing.
pub struct Collector {
    /// After which a lane's messages that are final and not confirmed are overdue.
    confirmation: Duration,
    store: Store,
    intake: Intake,
    client: ValidatorClient,
    directory: Directory,
}

impl Collector {
    /// A collector.
    pub fn new(
        store: Store,
        intake: Intake,
        client: ValidatorClient,
        directory: Directory,
        confirmation: Duration,
    ) -> Self {
        Self { confirmation, store, intake, client, directory }
    }

    /// Collects until `shutdown`.
    ///
    /// # Errors
    /// A database error; start it again after a pause.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), crate::IntakeFailure> {
        let mut lacking: HashMap<LaneId, Lacking> = HashMap::new();
        let mut since: HashMap<LaneId, (u64, Instant)> = HashMap::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = sleep(INTERVAL) => {}
            }
            let now = self.lacking().await?;
            self.tell_overdue(&now, &mut since);
            for (lane, one) in &now {
                // Freshly final messages are signed within moments: only what stays behind is asked for.
                if lacking.get(lane).is_some_and(|before| before.delivered == one.delivered) {
                    let asking = async {
                        self.ask_all(*lane, one.delivered + 1).await?;
                        self.ask_sign_points(*lane, one).await
                    };
                    tokio::select! {
                        () = shutdown.cancelled() => return Ok(()),
                        asked = asking => asked?,
                    }
                }
            }
            lacking = now;
        }
    }

    /// Says how long lanes have waited for a quorum; one that waits too long, aloud and once.
    fn tell_overdue(&self, lacking: &HashMap<LaneId, Lacking>, since: &mut HashMap<LaneId, (u64, Instant)>) {
        since.retain(|lane, (delivered, began)| {
            let waits = lacking.get(lane).is_some_and(|one| one.delivered == *delivered);
            if !waits {
                metrics::gauge!("icc_unconfirmed_seconds", "lane" => lane.to_string()).set(0.0);
                if began.elapsed() > self.confirmation {
                    tracing::info!(%lane, delivered, "confirmed again");
                }
            }
            waits
        });
        for (lane, Lacking { delivered, .. }) in lacking {
            let (_, began) = since.entry(*lane).or_insert((*delivered, Instant::now()));
            let waited = began.elapsed();
            metrics::gauge!("icc_unconfirmed_seconds", "lane" => lane.to_string()).set(waited.as_secs_f64());
            if waited > self.confirmation && waited <= self.confirmation + INTERVAL * 2 {
                tracing::error!(%lane, delivered, "OVERDUE: final messages have no quorum");
            }
        }
    }

    /// Lanes whose next final messages have no quorum of the destination's present set, and the nonce delivered so
    /// far. There is a sign point at every 64th nonce, so one is due within the next 64.
    async fn lacking(&self) -> Result<HashMap<LaneId, Lacking>, StoreError> {
        let mut lacking = HashMap::new();
        for (lane, destination, delivered) in self.store.undelivered_lanes().await? {
            let Some((_, set)) = self.store.current_set(destination).await? else { continue };
            let next = self.store.checkpoints_after(lane, delivered, &set, 1).await?;
            let next = next.first().map(|checkpoint| checkpoint.0.nonce);
            let due = (delivered / SIGN_INTERVAL).saturating_add(1).saturating_mul(SIGN_INTERVAL);
            if next.is_none_or(|next| next > due) {
                lacking.insert(lane, Lacking { delivered, next });
            }
        }
        Ok(lacking)
    }

    /// Has the sign points before the next one that has a quorum signed, a few windows at a time: validators that began at
    /// a proved outbox have signed only the newest. They need the leaves, and believe none of them.
    async fn ask_sign_points(&self, lane: LaneId, one: &Lacking) -> Result<(), crate::IntakeFailure> {
        let Some(next) = one.next else { return Ok(()) };
        let first = one.delivered / SNAPSHOT_INTERVAL;
        for index in first..first.saturating_add(WINDOWS) {
            let start = index.saturating_mul(SNAPSHOT_INTERVAL);
            let messages = next.saturating_sub(start).min(SNAPSHOT_INTERVAL);
            if messages == 0 {
                break;
            }
            let limit = u32::try_from(messages).unwrap_or(u32::MAX);
            let leaves = self.store.final_leaves(lane, start, limit).await?;
            if leaves.len() as u64 != messages {
                break;
            }
            let request = SignPointRequest { index, leaves };
            let urls = self.directory.urls();
            let mut answers: FuturesUnordered<_> =
                urls.iter().map(|url| self.client.sign_points(url, lane, &request)).collect();
            while let Some(answer) = answers.next().await {
                match answer {
                    Ok(batch) => drop(self.intake.take(&batch.attestations, Origin::Asked).await?),
                    Err(error) => tracing::debug!(%lane, index, error, "sign points are not to be had"),
                }
            }
        }
        Ok(())
    }

    async fn ask_all(&self, lane: LaneId, from: u64) -> Result<(), crate::IntakeFailure> {
        // At most 128 members, 64 that wait and 128 that are configured.
        let urls = self.directory.urls();
        let mut answers: FuturesUnordered<_> = urls
            .iter()
            .map(|url| async move { (url, self.client.attestations(url, lane, from).await) })
            .collect();
        while let Some((validator, answer)) = answers.next().await {
            match answer {
                Ok(batch) => {
                    self.intake.take(&batch.attestations, Origin::Asked).await?;
                }
                Err(error) => tracing::debug!(
                    host = validator.host_str(),
                    port = validator.port(),
                    error,
                    "validator cannot be asked"
                ),
            }
        }
        Ok(())
    }
}
