//! The same handlers for each database.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use consumer::{prelude::*, sqlx};
use tokio::sync::Semaphore;

/// What handlers were called for, and the gate that one of them waits at.
#[derive(Clone)]
pub(crate) struct Log {
    calls: Arc<Mutex<Vec<String>>>,
    gate: Arc<Semaphore>,
}

/// Why a handler gives up.
#[derive(Debug, thiserror::Error, Classify)]
pub(crate) enum Trouble {
    #[error("the database refuses")]
    Database(#[from] sqlx::Error),
    #[error("as asked")]
    #[classify(transient)]
    Asked,
    #[error("never works")]
    #[classify(permanent)]
    Poison,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { calls: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
    }

    /// Notes a call.
    pub(crate) fn note(&self, id: &str) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
    }

    /// All calls so far, in their order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often a handler was called for each event.
    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        self.calls().into_iter().fold(BTreeMap::new(), |mut counts, id| {
            *counts.entry(id).or_default() += 1;
            counts
        })
    }

    /// Waits until the gate is opened for one more.
    pub(crate) async fn wait(&self) {
        self.gate.acquire().await.expect("it is never closed").forget();
    }

    /// Opens the gate for so many.
    pub(crate) fn open(&self, calls: usize) {
        self.gate.add_permits(calls);
    }
}

macro_rules! handlers {
    ($room:ident, $store:path, $connection:path) => {
        pub(crate) mod $room {
            use consumer::{
                App,
                handler::ConsumerConfig,
                prelude::*,
                sqlx::{self, AssertSqlSafe, Connection},
            };
            use consumer_tests::business::Business;
            use $connection as Conn;
            use $store as Store;

            use super::{Log, Trouble};
            use crate::{Deposit, Instruction, Mode};

            #[consumer(name = "batched", batch = 64, timeout = "10s")]
            async fn obey_each(
                event: Instruction,
                meta: Meta,
                conn: &mut Conn,
                State(log): State<Log>,
            ) -> Result<(), Trouble> {
                obey("batched", &event.what, meta.id(), conn, &log).await
            }

            #[consumer(name = "bulk", timeout = "10s")]
            async fn obey_all(
                events: Batch<Instruction>,
                conn: &mut Conn,
                State(log): State<Log>,
            ) -> Result<(), Trouble> {
                for item in &events {
                    obey("bulk", &item.event.what, item.meta().id(), conn, &log).await?;
                }
                Ok(())
            }

            async fn obey(
                consumer: &str,
                what: &str,
                id: &str,
                conn: &mut Conn,
                log: &Log,
            ) -> Result<(), Trouble> {
                log.note(id);
                conn.take_effect(consumer, id).await?;
                match what {
                    "waits" => log.wait().await,
                    "commits" => _ = run(conn, "COMMIT").await,
                    "rolls-back" => run(conn, "ROLLBACK").await?,
                    "commits-and-fails" => {
                        // SQLite refuses.
                        let _ = run(conn, "COMMIT").await;
                        return Err(Trouble::Asked);
                    }
                    "rolls-back-and-fails" => {
                        run(conn, "ROLLBACK").await?;
                        return Err(Trouble::Asked);
                    }
                    "swallows" => {
                        let violates = "INSERT INTO effects (consumer, id, pid) VALUES (NULL, 'x', 1)";
                        assert!(run(conn, violates).await.is_err(), "the fault did not fire");
                    }
                    "poison" => return Err(Trouble::Poison),
                    _ => {}
                }
                Ok(())
            }

            #[consumer(name = "batched", batch = 64, timeout = "10s")]
            async fn deposit_each(
                event: Deposit,
                meta: Meta,
                conn: &mut Conn,
                State(log): State<Log>,
            ) -> Result<(), Trouble> {
                deposit("batched", &event, meta.id(), conn, &log).await
            }

            #[consumer(name = "bulk", timeout = "10s")]
            async fn deposit_all(
                events: Batch<Deposit>,
                conn: &mut Conn,
                State(log): State<Log>,
            ) -> Result<(), Trouble> {
                for item in &events {
                    deposit("bulk", &item.event, item.meta().id(), conn, &log).await?;
                }
                Ok(())
            }

            async fn deposit(
                consumer: &str,
                event: &Deposit,
                id: &str,
                conn: &mut Conn,
                log: &Log,
            ) -> Result<(), Trouble> {
                log.note(id);
                conn.take_effect(consumer, id).await?;
                let account = event.account;
                let sql = format!("UPDATE accounts SET cents = cents + 1 WHERE id = {account}");
                Ok(sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.map(drop)?)
            }

            async fn run(conn: &mut Conn, sql: &'static str) -> Result<(), sqlx::Error> {
                sqlx::raw_sql(sql).execute(conn).await.map(drop)
            }

            pub(crate) async fn store(url: &str) -> Store {
                Store::connect(url).await.expect("a store")
            }

            pub(crate) fn obeying(
                mode: Mode,
                log: Log,
                configure: impl Fn(ConsumerConfig) -> ConsumerConfig,
            ) -> App<Store> {
                match mode {
                    Mode::Batched => App::new().state(log).register_with::<obey_each>(configure),
                    Mode::Bulk => App::new().state(log).register_with::<obey_all>(configure),
                }
            }

            pub(crate) fn depositing(
                mode: Mode,
                log: Log,
                configure: impl Fn(ConsumerConfig) -> ConsumerConfig,
            ) -> App<Store> {
                match mode {
                    Mode::Batched => App::new().state(log).register_with::<deposit_each>(configure),
                    Mode::Bulk => App::new().state(log).register_with::<deposit_all>(configure),
                }
            }

            /// Opens so many accounts, from 0.
            pub(crate) async fn open_accounts(url: &str, count: usize) {
                let mut conn = Conn::connect(url).await.expect("a connection");
                let table = "CREATE TABLE accounts (id BIGINT PRIMARY KEY, cents BIGINT NOT NULL)";
                run(&mut conn, table).await.expect("a table");
                for account in 0..count {
                    let sql = AssertSqlSafe(format!("INSERT INTO accounts VALUES ({account}, 0)"));
                    sqlx::raw_sql(sql).execute(&mut conn).await.expect("an account");
                }
            }

            pub(crate) async fn balances(url: &str) -> Vec<i64> {
                let mut conn = Conn::connect(url).await.expect("a connection");
                sqlx::query_scalar("SELECT cents FROM accounts ORDER BY id")
                    .fetch_all(&mut conn)
                    .await
                    .expect("balances")
            }
        }
    };
}

handlers!(postgres, consumer::PgStore, consumer::sqlx::PgConnection);
handlers!(mysql, consumer::MySqlStore, consumer::sqlx::MySqlConnection);
handlers!(sqlite, consumer::SqliteStore, consumer::sqlx::SqliteConnection);
