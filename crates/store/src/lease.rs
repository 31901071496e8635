//! Leases: one owner at a time by the database's clock, with a token that grows with every change of owner.

use std::time::Duration;

use sqlx::query_scalar;

use crate::{Store, StoreError};

/// A lease that was held when it was returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub name: String,
    /// By whom.
    pub owner: String,
    /// Grows each time the lease is taken: whoever sees a higher one knows that his is gone. Never less than the
    /// database's clock in microseconds: so it grows also when the database is replaced by an old copy of itself.
    pub token: i64,
}

impl Store {
    /// Takes a lease; `None` while somebody else holds it. The token always grows, so that whatever an earlier holder
    /// (also an earlier hold of the same owner) still does to it has no effect. A lease that would last longer than any
    /// is given was given before the database's clock went back, and is free.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acquire_lease(
        &self,
        name: &str,
        owner: &str,
        time_to_live: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        let seconds = time_to_live.as_secs_f64();
        let token = query_scalar!(
            "insert into lease (name, owner, token, expires_at)
             values ($1, $2, (extract(epoch from now()) * 1000000)::bigint, now() + make_interval(secs => $3))
             on conflict (name) do update set
                 owner = $2,
                 token = greatest(lease.token + 1, excluded.token),
                 expires_at = now() + make_interval(secs => $3)
             where lease.owner = $2 or lease.expires_at < now()
                 or lease.expires_at > now() + make_interval(secs => $3 * 2)
             returning token",
            name,
            owner,
            seconds,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(token.map(|token| Lease { name: name.to_owned(), owner: owner.to_owned(), token }))
    }

    /// Renews a lease if it is still this one; `false` means it is lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn renew_lease(&self, lease: &Lease, time_to_live: Duration) -> Result<bool, StoreError> {
        let renewed = sqlx::query!(
            "update lease set expires_at = now() + make_interval(secs => $4)
             where name = $1 and owner = $2 and token = $3 and expires_at >= now()",
            lease.name,
            lease.owner,
            lease.token,
            time_to_live.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Gives a lease back.
    ///
    /// # Errors
    /// [`StoreError`]; it then expires by itself.
    pub async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        sqlx::query!(
            "update lease set expires_at = now() - interval '1 second'
             where name = $1 and owner = $2 and token = $3",
            lease.name,
            lease.owner,
            lease.token,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
