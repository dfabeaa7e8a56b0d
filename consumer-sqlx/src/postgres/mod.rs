//! PostgreSQL.
//!
//! Run against PostgreSQL 15; the statements need 14, which reads ranges of pages.

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
mod pass;
mod session;
mod statements;
mod sweep;
mod unit;

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use consumer_core::{
    Class, Result, Storage,
    departures::Departures,
    doctor::Finding,
    effect::EffectId,
    inbox::{Claim, Claimed, ConsumerId, StoredClaim},
    message::ClaimKey,
    storage::{Commit, ConsumerName, Enrolled, Extent, Rollback, Sessions, StorageError, Swept, UnitLimits},
};
use sqlx::{Connection as _, PgPool};

use self::statements::Statements;
pub use self::{session::PgSession, unit::PgUnit};
use crate::{address::Address, builder::StoreBuilder, examination, tables::Tables};

/// Claims and business rows in PostgreSQL.
///
/// ```no_run
/// # async fn f() -> consumer_core::Result<()> {
/// use consumer_sqlx::postgres::PgStore;
///
/// let store = PgStore::connect("postgres://app:secret@db.example.com/shop").await?;
/// let store = PgStore::builder().schema("inbox").verify_only().connect("postgres://…").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PgStore(Arc<Inner>);

struct Inner {
    pool: PgPool,
    tables: Tables,
    sql: Statements,
    verify_only: bool,
}

impl PgStore {
    /// Opens a pool of its own, after trying one connection.
    ///
    /// # Errors
    /// [`is_settings`](consumer_core::Error::is_settings) for a URL that cannot be read,
    /// [`is_refused`](consumer_core::Error::is_refused) where the server says no,
    /// [`is_unavailable`](consumer_core::Error::is_unavailable) where it cannot be reached. None of them shows the
    /// password.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::builder().connect(url).await
    }

    /// Uses a pool of the application.
    ///
    /// Each worker takes one connection out of it for as long as it runs and closes it afterwards: what it sets on
    /// that session never meets the application. The pool must be larger than the workers, or the application waits
    /// for ever.
    ///
    /// Such a session writes in its own transactions only (`default_transaction_read_only`). A pooler between the application
    /// and the server must leave it a server connection of its own, as PgBouncer does with `pool_mode = session`: in transaction mode
    /// others would meet the setting and could not write.
    #[must_use]
    pub fn from_pool(pool: PgPool) -> Self {
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
    pub fn pool(&self) -> &PgPool {
        &self.0.pool
    }

    fn new(pool: PgPool, tables: Tables, verify_only: bool) -> Self {
        let sql = Statements::new(&tables);
        Self(Arc::new(Inner { pool, tables, sql, verify_only }))
    }

    fn address(&self) -> Address {
        builder::address(&self.0.pool.connect_options())
    }
}

impl fmt::Debug for PgStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgStore").field("address", &self.address()).field("tables", &self.0.tables).finish()
    }
}

impl Sessions for PgStore {
    type Session = PgSession;

    async fn open(&self, limits: UnitLimits) -> Result<PgSession, StorageError> {
        Ok(session::open(&self.0.pool, limits).await?)
    }

    async fn ping(&self, session: &mut PgSession) -> Result<(), StorageError> {
        Ok(session.conn.ping().await?)
    }

    async fn rest(&self, session: &mut PgSession) -> Result<(), StorageError> {
        Ok(session.rest().await?)
    }

    fn classify(&self, error: &(dyn StdError + 'static)) -> Option<Class> {
        classify::class(error)
    }
}

impl Storage for PgStore {
    const NAME: &'static str = "postgres";
    type Tx<'s> = PgUnit<'s>;

    fn describe(&self) -> String {
        format!("{} at {}", Self::NAME, self.address())
    }

    async fn prepare(&self) -> Result<()> {
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
        session: &'s mut PgSession,
        extent: Extent,
    ) -> Result<PgUnit<'s>, StorageError> {
        Ok(match extent {
            Extent::One => unit::begin(session).await?,
            Extent::Many => unit::begin_many(session).await?,
        })
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
        session: &mut PgSession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<Option<StoredClaim>, StorageError> {
        Ok(unit::find(&self.0.sql, &mut session.conn, consumer, key).await?)
    }

    async fn sweep(&self, retention: Duration, batch: u32) -> Result<Swept, StorageError> {
        Ok(sweep::sweep(&self.0, retention, batch).await?)
    }
}
