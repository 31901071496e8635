//! Starting a task again when it fails.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// After running this long, a failure counts as the first again.
const STABLE_AFTER: Duration = Duration::from_secs(60);

/// Runs what `start` makes until it ends well or `shutdown`. After an error or a panic it is started again, after a
/// pause that doubles up to 15 s, with jitter. Other tasks are not touched.
pub async fn supervise<F, Fut, E>(name: &str, shutdown: CancellationToken, start: F)
where
    F: Fn(CancellationToken) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let mut pause = FIRST_PAUSE;
    while !shutdown.is_cancelled() {
        let began = Instant::now();
        match AssertUnwindSafe(start(shutdown.clone())).catch_unwind().await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::error!(task = name, %error, "task failed; starting it again"),
            Err(_) => tracing::error!(task = name, "task panicked; starting it again"),
        }
        metrics::counter!("icc_task_restarts_total", "task" => name.to_owned()).increment(1);
        if began.elapsed() > STABLE_AFTER {
            pause = FIRST_PAUSE;
        }
        let jitter = Duration::from_millis(rand::random_range(0..=pause.as_millis() as u64 / 4));
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = sleep(pause + jitter) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn errors_and_panics_start_it_again() {
        let runs = AtomicU32::new(0);
        supervise("test", CancellationToken::new(), |_| async {
            match runs.fetch_add(1, Ordering::Relaxed) {
                0 => Err("first"),
                1 => panic!("second"),
                _ => Ok(()),
            }
        })
        .await;
        assert_eq!(runs.load(Ordering::Relaxed), 3);
    }
}
