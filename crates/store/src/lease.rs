//! Leases: one owner at a time by the database's clock, with a token that grows with every change of owner.

use std::time::Duration;

use sqlx::query_scalar;

use crate::{Store, StoreError};

/// Terms of a lease that are remembered.
const KEPT_TERMS: i64 = 1000;

/// A lease that was held when it was returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What is leased.
    pub name: String,
    /// By whom.
    pub owner: String,
    /// Grows each time the lease is taken: whoever sees a higher one knows that his is gone.
    pub token: i64,
}

impl Store {
    /// Takes a lease; `None` while somebody else holds it. The token always grows, so that whatever an earlier holder
    /// (also an earlier hold of the same owner) still does to it has no effect. A lease that would last longer than any
    /// is given was given before the database's clock went back, and is free.
    ///
    /// Where the database is replaced by an old copy of itself, tokens go back with it, and for a few seconds two may take
    /// a lease for theirs, until the earlier one fails to renew it. That costs gas and nothing else: the chain decides
    /// what is delivered.
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
        // The term's times are those of the moment, not of the statement's start: it may have waited for the row.
        let token = query_scalar!(
            "with taken as (
                 insert into lease (name, owner, token, expires_at)
                 values ($1, $2, 1, now() + make_interval(secs => $3))
                 on conflict (name) do update set
                     owner = $2,
                     token = lease.token + 1,
                     expires_at = now() + make_interval(secs => $3)
                 where lease.owner = $2 or lease.expires_at < now()
                     or lease.expires_at > now() + make_interval(secs => $3 * 2)
                 returning name, owner, token, expires_at, clock_timestamp() as at
             ), before as (
                 -- An earlier hold of the same owner ends here, and one from before the clock went back.
                 update lease_term t set since = least(t.since, taken.at), until = least(t.until, taken.at) from taken
                 where t.name = taken.name and t.token = taken.token - 1
                     and (t.owner = taken.owner or t.until > taken.at + make_interval(secs => $3 * 2))
             ), forgotten as (
                 -- What began later than now was by a clock that has gone back since: it compares with nothing.
                 delete from lease_term t using taken where t.name = taken.name and t.token < taken.token - 1
                     and (t.token <= taken.token - $4 or t.since > taken.at)
             ), term as (
                 insert into lease_term (name, token, owner, since, until)
                 select name, token, owner, at, expires_at from taken
                 -- Tokens begin again if somebody empties the table of leases.
                 on conflict (name, token) do update set
                     owner = excluded.owner, since = excluded.since, until = excluded.until
             )
             select token from taken",
            name,
            owner,
            seconds,
            KEPT_TERMS,
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
        let renewed = query_scalar!(
            r#"with renewed as (
                   update lease set expires_at = now() + make_interval(secs => $4)
                   where name = $1 and owner = $2 and token = $3 and expires_at >= now()
                   returning name, token, expires_at
               ), term as (
                   update lease_term t set until = renewed.expires_at from renewed
                   where t.name = renewed.name and t.token = renewed.token
               )
               select count(*) as "renewed!" from renewed"#,
            lease.name,
            lease.owner,
            lease.token,
            time_to_live.as_secs_f64(),
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(renewed == 1)
    }

    /// Gives a lease back.
    ///
    /// # Errors
    /// [`StoreError`]; it then expires by itself.
    pub async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        sqlx::query!(
            "with released as (
                 update lease set expires_at = now() - interval '1 second'
                 where name = $1 and owner = $2 and token = $3
                 returning name, token, clock_timestamp() as at
             )
             update lease_term t set until = least(t.until, released.at) from released
             where t.name = released.name and t.token = released.token",
            lease.name,
            lease.owner,
            lease.token,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
