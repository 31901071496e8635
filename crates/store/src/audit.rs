//! What an audit asks of the database: was anything signed or held twice?

use std::{str::FromStr, time::Duration};

use alloy_primitives::Address;
use icc_protocol::LaneId;
use sqlx::{
    postgres::{PgConnectOptions, PgPoolOptions},
    query, query_as,
};

use crate::{
    Store, StoreError,
    convert::{lane, unsigned},
};

/// Most findings of a kind that are told.
const MAX_FOUND: i64 = 200;

/// Most terms that are read: a thousand leases' worth.
const MAX_TERMS: i64 = 1_000_000;

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

/// A time for which a lease was held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseTerm {
    /// Which lease.
    pub name: String,
    /// Grows with each term of the lease.
    pub token: i64,
    /// By whom.
    pub owner: String,
    /// From when on, in microseconds of the database's clock.
    pub since: i64,
    /// To when: as last renewed, or given back.
    pub until: i64,
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

    /// The remembered terms of all leases, by name and token.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lease_terms(&self) -> Result<Vec<LeaseTerm>, StoreError> {
        let rows = query_as!(
            LeaseTerm,
            r#"select name, token, owner,
                      (extract(epoch from since) * 1000000)::bigint as "since!",
                      (extract(epoch from until) * 1000000)::bigint as "until!"
               from lease_term order by name, token limit $1"#,
            MAX_TERMS,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }
}
