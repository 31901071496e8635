//! A lease that renews itself while it is held, and says when it is lost.

use std::time::Duration;

use icc_store::{Lease, Store, StoreError};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long a lease lasts without renewal.
const TIME_TO_LIVE: Duration = Duration::from_secs(12);
const RENEW_EVERY: Duration = Duration::from_secs(3);

/// A held lease. Dropping it gives it back.
pub(crate) struct HeldLease {
    lost: CancellationToken,
    pub(crate) name: String,
    _release: DropGuard,
}

impl HeldLease {
    /// Takes a lease; `None` while somebody else holds it.
    pub(crate) async fn acquire(store: &Store, name: &str, owner: &str) -> Result<Option<Self>, StoreError> {
        let asked = Instant::now();
        let Some(lease) = store.acquire_lease(name, owner, TIME_TO_LIVE).await? else { return Ok(None) };
        let lost = CancellationToken::new();
        let done = CancellationToken::new();
        tokio::spawn(keep(store.clone(), lease, asked, lost.clone(), done.clone()));
        Ok(Some(Self { lost, name: name.to_owned(), _release: done.drop_guard() }))
    }

    /// Whether it may no longer be ours.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }
}

/// `renewed` is the moment before the lease was last asked for: by then at the latest its time began.
async fn keep(
    store: Store,
    lease: Lease,
    mut renewed: Instant,
    lost: CancellationToken,
    done: CancellationToken,
) {
    loop {
        tokio::select! {
            () = done.cancelled() => break,
            () = sleep(RENEW_EVERY) => {}
        }
        let asked = Instant::now();
        let deadline = renewed + TIME_TO_LIVE - RENEW_EVERY;
        match timeout_at(deadline, store.renew_lease(&lease, TIME_TO_LIVE)).await {
            Ok(Ok(true)) => renewed = asked,
            Ok(Ok(false)) | Err(_) => break lost.cancel(),
            // The database cannot be asked: the lease may still be ours, but only until it would have expired.
            Ok(Err(error)) => tracing::warn!(lease = lease.name, %error, "lease not renewed"),
        }
        if renewed + TIME_TO_LIVE - RENEW_EVERY <= Instant::now() {
            break lost.cancel();
        }
    }
    if let Err(error) = store.release_lease(&lease).await {
        tracing::debug!(lease = lease.name, %error, "lease not given back; it expires");
    }
}
