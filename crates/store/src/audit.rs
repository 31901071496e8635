//! What an audit asks of the database: was anything signed or held twice?

use std::{str::FromStr, time::Duration};

use alloy_primitives::Address;
use icc_protocol::LaneId;
use sqlx::{
    postgres::{PgConnectOptions, PgPoolOptions},
    query,
};

use crate::{
    Store, StoreError,
    convert::{lane, unsigned},
};

/// Most findings of a kind that are told.
const MAX_FOUND: i64 = 200;

/// Accumulators that one validator signed for one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivocation {
    /// Of which lane.
    pub lane: LaneId,
    /// Which message.
    pub nonce: u64,
    /// By whom.
    pub signer: Address,
    /// How many.
    pub accumulators: u64,
}

/// A lease that was taken while another one held it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Which lease.
    pub name: String,
    /// Owner and token of who held it.
    pub holder: (String, i64),
    /// Owner and token of who took it.
    pub next: (String, i64),
}

/// The leases' history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseTerms {
    /// How many leases there are.
    pub leases: u64,
    /// How many terms of them are remembered.
    pub terms: u64,
    /// Terms of one lease that overlap.
    pub overlaps: Vec<Overlap>,
}

impl Store {
    /// Connects without a change to anything, the schema included.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be reached within ten seconds.
    pub async fn open_to_read(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?
            .application_name("icc audit")
            .options([("statement_timeout", "60s"), ("default_transaction_read_only", "on")]);
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options)
            .await?;
        Ok(Self::over(pool, url))
    }

    /// Validators of whom two accumulators for one message are stored.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn equivocations(&self) -> Result<Vec<Equivocation>, StoreError> {
        let rows = query!(
            r#"select lane, nonce, signer, count(*) as "accumulators!" from attestation
               group by lane, nonce, signer having count(*) > 1 order by lane, nonce, signer limit $1"#,
            MAX_FOUND,
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(Equivocation {
                    lane: lane(&row.lane)?,
                    nonce: unsigned(row.nonce)?,
                    signer: Address::try_from(row.signer.as_slice())
                        .map_err(|_| StoreError::Corrupt("a signer is no address".to_owned()))?,
                    accumulators: unsigned(row.accumulators)?,
                })
            })
            .collect()
    }

    /// The terms of all leases, and those that overlap: of each, the longest one before it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lease_terms(&self) -> Result<LeaseTerms, StoreError> {
        let counts =
            query!(r#"select count(*) as "terms!", count(distinct name) as "leases!" from lease_term"#)
                .fetch_one(&self.pool)
                .await?;
        let rows = query!(
            r#"select n.name, n.owner, n.token, h.owner as holder, h.token as holder_token
               from (
                   select name, owner, token, since, max(until) over (
                       partition by name order by token rows between unbounded preceding and 1 preceding
                   ) as held_until
                   from lease_term
               ) n
               join lateral (
                   select owner, token from lease_term h
                   where h.name = n.name and h.token < n.token and h.until = n.held_until limit 1
               ) h on true
               where n.held_until > n.since
               order by n.name, n.token limit $1"#,
            MAX_FOUND,
        )
        .fetch_all(&self.pool)
        .await?;
        let overlaps = rows.into_iter().map(|row| Overlap {
            name: row.name,
            holder: (row.holder, row.holder_token),
            next: (row.owner, row.token),
        });
        Ok(LeaseTerms {
            leases: unsigned(counts.leases)?,
            terms: unsigned(counts.terms)?,
            overlaps: overlaps.collect(),
        })
    }
}
