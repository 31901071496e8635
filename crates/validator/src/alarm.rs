//! Telling people that a chain is not signed for.

use std::time::Duration;

use icc_chain::ChainError;
use icc_protocol::ChainId;
use tokio::time::Instant;

use crate::WatchError;

/// Short troubles, such as an endpoint a block behind, are not worth a line.
const QUIET: Duration = Duration::from_secs(2);
/// After this long somebody has to look.
const LOUD: Duration = Duration::from_secs(30);
/// Between two lines of the same trouble.
const REPEAT: Duration = Duration::from_secs(60);

/// What has been told of a chain's trouble.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    since: Option<Instant>,
    last_line: Option<Instant>,
}

impl Alarm {
    /// Nothing was signed, for this reason.
    pub(crate) fn abstained(&mut self, chain: ChainId, error: &WatchError) {
        let now = Instant::now();
        let lasted = now - *self.since.get_or_insert(now);
        metrics::counter!("icc_validator_abstentions_total", "chain" => chain.to_string()).increment(1);
        metrics::gauge!("icc_validator_abstaining_seconds", "chain" => chain.to_string())
            .set(lasted.as_secs_f64().max(0.001));
        let quiet = matches!(error, WatchError::NotVouched { .. })
            || matches!(error, WatchError::Chain(ChainError::UnknownBlock(_)));
        let due = match self.last_line {
            None => !quiet || lasted >= QUIET,
            // The first loud line is due when it gets loud.
            Some(last) => now - last >= REPEAT || (lasted >= LOUD && lasted - (now - last) < LOUD),
        };
        if !due {
            return;
        }
        self.last_line = Some(now);
        let seconds = lasted.as_secs();
        if lasted >= LOUD && matches!(error, WatchError::Lanes(_)) {
            tracing::error!(%chain, %error, seconds, "NOT SIGNING for some lanes of this chain; its others go on");
        } else if lasted >= LOUD {
            tracing::error!(
                %chain, %error, seconds,
                "NOT SIGNING for this chain; check its endpoints (rpc_urls) and peers: signing goes on by itself when they agree"
            );
        } else {
            tracing::warn!(%chain, %error, "abstaining");
        }
    }

    /// All is well.
    pub(crate) fn signing(&mut self, chain: ChainId) {
        if self.since.take().is_some() && self.last_line.take().is_some() {
            tracing::info!(%chain, "signing again");
        }
        metrics::gauge!("icc_validator_abstaining_seconds", "chain" => chain.to_string()).set(0.0);
    }
}
