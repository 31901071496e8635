//! Naming an endpoint that does not do what it should: always by metric, by log once in a while.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
    time::{Duration, Instant},
};

/// Between two log lines on the same thing about one endpoint.
const PAUSE: Duration = Duration::from_secs(30);

type Told = Mutex<HashMap<(String, &'static str), Instant>>;
/// Bounded: endpoints come from the configuration, and kinds from the code.
static TOLD: LazyLock<Told> = LazyLock::new(Told::default);

/// What an endpoint did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misdeed {
    /// It answered otherwise than a quorum.
    OtherAnswer,
    /// It says that far more, or far less, is final than a quorum does.
    OtherFinality,
    /// Its proof, or header, does not verify.
    Forgery,
    /// Its events do not lead to what is proved.
    OtherEvents,
    /// It had not answered when a quorum had for long.
    Late,
    /// It could not be reached, or answered nonsense.
    Failure,
}

impl Misdeed {
    fn label(self) -> &'static str {
        match self {
            Self::OtherAnswer => "answer",
            Self::OtherFinality => "finality",
            Self::Forgery => "forgery",
            Self::OtherEvents => "events",
            Self::Late => "late",
            Self::Failure => "failure",
        }
    }

    /// Whether it contradicts others or itself, rather than being merely absent.
    fn is_disagreement(self) -> bool {
        !matches!(self, Self::Late | Self::Failure)
    }
}

/// Counts what an endpoint did (`icc_rpc_disagreements_total`, or `icc_rpc_absences_total` if it merely was not there)
/// and logs it, at most every half minute.
pub fn name_endpoint(endpoint: &str, misdeed: Misdeed, what: &str) {
    let label = misdeed.label();
    let metric =
        if misdeed.is_disagreement() { "icc_rpc_disagreements_total" } else { "icc_rpc_absences_total" };
    metrics::counter!(metric, "endpoint" => endpoint.to_owned(), "what" => label).increment(1);
    let now = Instant::now();
    let Ok(mut told) = TOLD.lock() else { return };
    let last = told.insert((endpoint.to_owned(), label), now);
    if last.is_some_and(|last| now.duration_since(last) < PAUSE) {
        // The moment of the last line counts, not that of the last misdeed.
        if let Some(last) = last {
            told.insert((endpoint.to_owned(), label), last);
        }
        return;
    }
    drop(told);
    if misdeed.is_disagreement() {
        tracing::warn!(endpoint, kind = label, what, "endpoint disagrees with the quorum or with proofs");
    } else {
        tracing::warn!(endpoint, kind = label, what, "endpoint does not answer as it should");
    }
}
