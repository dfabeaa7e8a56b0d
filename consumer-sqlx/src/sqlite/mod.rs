//! SQLite.
//!
//! Run against the SQLite that sqlx bundles; the tables need 3.37.

mod builder;
mod claims;
mod classify;
mod connection;
mod consumers;
mod durability;
mod effects;
mod examine;
mod failures;
mod limits;
mod lock;
mod migrate;
mod outbox;
mod session;
mod statements;
mod sweep;
mod unit;
mod writing;

use std::{error::Error as StdError, fmt, path::PathBuf, sync::Arc, time::Duration};

use consumer_core::{
    Class, Result, Storage,
    departures::Departures,
    doctor::Finding,
    effect::EffectId,
    inbox::{Claim, Claimed, ConsumerId, StoredClaim},
    message::ClaimKey,
    storage::{Commit, ConsumerName, Enrolled, Extent, Rollback, Sessions, StorageError, Swept, UnitLimits},
};
use sqlx::{Connection as _, SqlitePool};
use tokio::sync::Mutex;

use self::statements::Statements;
pub use self::{session::SqliteSession, unit::SqliteUnit};
use crate::{builder::StoreBuilder, examination, tables::Tables};

/// Claims and business rows in a SQLite file.
///
/// SQLite has one writer at a time, so units run one after the other, in the order they came; more workers than one help
/// only handlers that wait for something else. A process that is stopped (not killed) inside a unit keeps the others out
/// until it continues or dies: no server is there to end its transaction.
///
/// ```no_run
/// # async fn f() -> consumer_core::Result<()> {
/// use consumer_sqlx::sqlite::SqliteStore;
///
/// let store = SqliteStore::connect("sqlite:shop.db").await?; // created if it is not there
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore(Arc<Inner>);

struct Inner {
    pool: SqlitePool,
    tables: Tables,
    sql: Statements,
    verify_only: bool,
    /// Whose turn it is to write. SQLite itself lets waiting writers guess when to ask again, and some starve.
    turn: Arc<Mutex<()>>,
}

impl SqliteStore {
    /// Opens a file, creating it if it is not there, in WAL mode and with `synchronous = FULL`.
    ///
    /// # Errors
    /// [`is_settings`](consumer_core::Error::is_settings) for a URL that cannot be read,
    /// [`is_unavailable`](consumer_core::Error::is_unavailable) where the file cannot be opened.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder().connect(url).await
    }

    /// Uses a pool of the application.
    ///
    /// Each worker takes one connection out of it for as long as it runs and closes it afterwards: what it sets on
    /// that session never meets the application. The pool must be larger than the workers, or the application waits
    /// for ever. Let the pool set `journal_mode = WAL`, else readers and units wait for each other.
    #[must_use]
    pub fn from_pool(pool: SqlitePool) -> Self {
        Self::new(pool, Tables::default(), false)
    }

    /// Configures a store.
    #[must_use]
    pub fn builder() -> StoreBuilder<Self> {
        StoreBuilder::new()
    }

    /// The statements that create the tables, for a person to read and run.
    #[must_use]
    pub fn migrations() -> String {
        migrate::script(&Tables::default())
    }

    /// The pool, for what an application does beside its consumers.
    #[must_use]
    pub fn pool(&self) -> &SqlitePool {
        &self.0.pool
    }

    fn new(pool: SqlitePool, tables: Tables, verify_only: bool) -> Self {
        let sql = Statements::new(&tables);
        Self(Arc::new(Inner { pool, tables, sql, verify_only, turn: Arc::default() }))
    }

    fn file(&self) -> PathBuf {
        self.0.pool.connect_options().get_filename().to_owned()
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("file", &self.file()).field("tables", &self.0.tables).finish()
    }
}

impl Sessions for SqliteStore {
    type Session = SqliteSession;

    async fn open(&self, limits: UnitLimits) -> Result<SqliteSession, StorageError> {
        Ok(session::open(&self.0.pool, limits).await?)
    }

    async fn ping(&self, session: &mut SqliteSession) -> Result<(), StorageError> {
        Ok(session.conn.ping().await?)
    }

    fn classify(&self, error: &(dyn StdError + 'static)) -> Option<Class> {
        classify::class(error)
    }
}

impl Storage for SqliteStore {
    const NAME: &'static str = "sqlite";
    type Tx<'s> = SqliteUnit<'s>;

    fn describe(&self) -> String {
        format!("{} at {}", Self::NAME, self.file().display())
    }

    async fn prepare(&self) -> Result<()> {
        durability::refuse_memory(&self.0.pool).await?;
        migrate::prepare(&self.0).await?;
        if let Ok(mut conn) = self.0.pool.acquire().await {
            examination::warn(durability::risks(&mut conn).await);
        }
        Ok(())
    }

    async fn enroll(&self, consumers: &[ConsumerName<'_>]) -> Result<Vec<ConsumerId>> {
        consumers::enroll(&self.0, consumers).await
    }

    async fn note_deployments(&self, consumers: &[(&str, String)]) -> Result<()> {
        consumers::note(&self.0, consumers).await
    }

    async fn enrolled(&self) -> Result<Vec<Enrolled>> {
        consumers::enrolled(&self.0).await
    }

    async fn examine(&self) -> Vec<Finding> {
        examine::examine(self).await
    }

    fn capacity(&self) -> Option<u32> {
        Some(self.0.pool.options().get_max_connections().saturating_sub(1))
    }

    async fn begin<'s>(
        &self,
        session: &'s mut SqliteSession,
        _: Extent,
    ) -> Result<SqliteUnit<'s>, StorageError> {
        Ok(unit::begin(&self.0.turn, session).await?)
    }

    async fn claim(&self, tx: &mut Self::Tx<'_>, claim: &Claim) -> Result<Claimed, StorageError> {
        Ok(unit::claim(&self.0.sql, tx, claim).await?)
    }

    async fn claim_many(
        &self,
        tx: &mut Self::Tx<'_>,
        claims: &[Claim],
    ) -> Result<Vec<Claimed>, StorageError> {
        Ok(claims::claim(&self.0.sql, tx, claims).await?)
    }

    async fn unclaim(&self, tx: &mut Self::Tx<'_>, claims: &[Claim]) -> Result<(), StorageError> {
        Ok(claims::unclaim(&self.0.sql, tx, claims).await?)
    }

    async fn keep_effects(&self, tx: &mut Self::Tx<'_>, effects: &[EffectId]) -> Result<bool, StorageError> {
        Ok(effects::keep(&self.0.sql, &mut tx.tx, effects).await?)
    }

    async fn commit(&self, tx: Self::Tx<'_>, departures: &Departures) -> Commit {
        unit::commit(&self.0.sql, tx, departures).await
    }

    async fn roll_back(&self, tx: Self::Tx<'_>) -> Rollback {
        unit::roll_back(tx).await
    }

    async fn find(
        &self,
        session: &mut SqliteSession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<Option<StoredClaim>, StorageError> {
        Ok(unit::find(&self.0.sql, &mut session.conn, consumer, key).await?)
    }

    async fn sweep(&self, retention: Duration, batch: u32) -> Result<Swept, StorageError> {
        Ok(sweep::sweep(&self.0, retention, batch).await?)
    }
}
