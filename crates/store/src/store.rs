//! The connection pool, migrations and wake-ups.

use std::{str::FromStr, time::Duration};

use icc_protocol::LaneId;
use sqlx::{
    PgPool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// The channel on which lanes are woken.
pub(crate) const WAKE_CHANNEL: &str = "icc_wake";

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or refuses. Retry.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A migration failed. Fatal.
    #[error("database migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row holds what it must not. Fatal: somebody has to look.
    #[error("database row: {0}")]
    Corrupt(String),
    /// A number is too large for its column. Fatal.
    #[error("{0} does not fit the database")]
    OutOfRange(String),
}

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    url: String,
}

impl Store {
    /// Connects and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be reached within ten seconds, or migrations fail.
    pub async fn connect(url: &str, max_connections: u32) -> Result<Self, StoreError> {
        // Plans are made for the tables as they are: one that was made while a table was nearly empty reads all of it,
        // and would be kept until the table is next analyzed.
        let options = PgConnectOptions::from_str(url)?.application_name("icc").options([
            ("statement_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "20s"),
            ("plan_cache_mode", "force_custom_plan"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options)
            .await?;
        migrate(&pool).await?;
        Ok(Self::over(pool, url))
    }

    pub(crate) fn over(pool: PgPool, url: &str) -> Self {
        Self { pool, url: url.to_owned() }
    }

    /// Begins a transaction, whether or not its caller stays to see it begun: if `begin` of sqlx 0.9 is dropped while the
    /// database answers, the connection goes back to the pool within a transaction that it does not know of, and what the
    /// next one writes there is committed by nobody.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let pool = self.pool.clone();
        let begun = tokio::spawn(async move { pool.begin().await });
        begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`StoreError::Database`] if not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query_scalar!(r#"select 1 as "one!""#).fetch_one(&self.pool).await?;
        Ok(())
    }

    /// Listens for lanes to wake.
    ///
    /// # Errors
    /// [`StoreError::Database`] if the connection cannot be made.
    pub async fn wakeups(&self) -> Result<Wakeups, StoreError> {
        let mut listener = PgListener::connect(&self.url).await?;
        listener.listen(WAKE_CHANNEL).await?;
        Ok(Wakeups(listener))
    }
}

/// Brings the schema up to date. Whoever starts at the same time waits for the one that does it, which may take longer
/// than any statement of ours.
async fn migrate(pool: &PgPool) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await?;
    sqlx::query("set statement_timeout = '10min'").execute(&mut *connection).await?;
    MIGRATOR.run(&mut *connection).await?;
    // Not to be used with that patience again.
    connection.close().await?;
    Ok(())
}

/// Lanes that have something to do.
pub struct Wakeups(PgListener);

impl Wakeups {
    /// The next lane; `None` when the connection was lost, and all lanes should be looked at.
    ///
    /// # Errors
    /// [`StoreError::Database`] if it cannot be made again.
    pub async fn next(&mut self) -> Result<Option<LaneId>, StoreError> {
        Ok(self.0.try_recv().await?.and_then(|notification| notification.payload().parse().ok()))
    }
}
