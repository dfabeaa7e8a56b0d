//! An auditor: reads what a database holds, on a connection and in words of its own.

mod texts;

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    time::Duration,
};

use consumer::{
    message::{ClaimKey, EventId},
    sqlx::{
        self, Connection, MySqlConnection, PgConnection, SqliteConnection,
        sqlite::{SqliteConnectOptions, SqliteJournalMode},
    },
};

use self::texts::Texts;
use crate::backend::Backend;

/// InnoDB shows who asks sooner than 0.1 s after the last question the same picture again, for ever.
const FRESH_PICTURE: Duration = Duration::from_millis(120);

/// A consumer's name, and what of it.
pub type Of<T> = (String, T);

/// Looks at one database.
pub struct Auditor(Link);

enum Link {
    Postgres(PgConnection),
    MySql(MySqlConnection),
    Sqlite(SqliteConnection),
}

macro_rules! on {
    ($auditor:expr, $link:ident => $asked:expr) => {
        match &mut $auditor.0 {
            Link::Postgres($link) => $asked,
            Link::MySql($link) => $asked,
            Link::Sqlite($link) => $asked,
        }
        .expect("the database answers the auditor")
    };
}

impl Auditor {
    /// Connects to a database.
    pub async fn connect(backend: Backend, url: &str) -> Self {
        let link = match backend {
            Backend::Postgres => PgConnection::connect(url).await.map(Link::Postgres),
            Backend::MySql => MySqlConnection::connect(url).await.map(Link::MySql),
            Backend::Sqlite => open(url).await.map(Link::Sqlite),
        };
        Self(link.expect("the auditor connects to the database"))
    }

    /// Creates the table of the business.
    pub async fn create_business(&mut self) {
        let table = self.texts().table;
        on!(self, link => sqlx::query(table).execute(link).await.map(drop));
    }

    /// How often each event took effect.
    pub async fn effects(&mut self) -> BTreeMap<Of<String>, u64> {
        let sql = self.texts().effects;
        let rows: Vec<(Vec<u8>, Vec<u8>)> = on!(self, link => sqlx::query_as(sql).fetch_all(link).await);
        let mut effects = BTreeMap::new();
        for (consumer, id) in rows {
            *effects.entry((text(consumer), text(id))).or_default() += 1;
        }
        effects
    }

    /// Every claim that is committed.
    pub async fn claims(&mut self) -> BTreeSet<Of<Vec<u8>>> {
        let sql = self.texts().claims;
        let rows: Vec<(Vec<u8>, Vec<u8>)> = on!(self, link => sqlx::query_as(sql).fetch_all(link).await);
        rows.into_iter().map(|(consumer, key)| (text(consumer), key)).collect()
    }

    /// Whether the claim of an event is committed.
    pub async fn is_claimed(&mut self, consumer: &str, id: &str) -> bool {
        let (sql, key) = (self.texts().claimed, key(id));
        let key = key.as_bytes().as_slice();
        let found: (i64,) =
            on!(self, link => sqlx::query_as(sql).bind(consumer).bind(key).fetch_one(link).await);
        found.0 > 0
    }

    /// How many rows of the effect ledger are not done.
    pub async fn unfinished_effects(&mut self) -> i64 {
        self.count("SELECT COUNT(*) FROM external_effects WHERE state <> 'done'").await
    }

    /// How many rows of the outbox are not sent.
    pub async fn unsent_events(&mut self) -> i64 {
        self.count(self.texts().unsent).await
    }

    /// How many rows the outbox has.
    pub async fn published_events(&mut self) -> i64 {
        self.count("SELECT COUNT(*) FROM outbox_events").await
    }

    /// How many transactions others have open; 0 on SQLite, where nobody can see them.
    pub async fn open_transactions(&mut self) -> i64 {
        self.count(self.texts().open).await
    }

    /// How many statements of others wait for a lock; 0 on SQLite, where nobody can see them.
    pub async fn waiting(&mut self) -> i64 {
        self.count(self.texts().waiting).await
    }

    async fn count(&mut self, sql: &'static str) -> i64 {
        tokio::time::sleep(FRESH_PICTURE).await;
        let (count,): (i64,) = on!(self, link => sqlx::query_as(sql).fetch_one(link).await);
        count
    }

    fn texts(&self) -> &'static Texts {
        match self.0 {
            Link::Postgres(_) => &texts::POSTGRES,
            Link::MySql(_) => &texts::MYSQL,
            Link::Sqlite(_) => &texts::SQLITE,
        }
    }
}

/// In the mode that the store will open it in: a change of mode would need the file for itself.
async fn open(url: &str) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::from_str(url)?.create_if_missing(true);
    SqliteConnection::connect_with(&options.journal_mode(SqliteJournalMode::Wal)).await
}

/// The key of an event whose message names no source.
pub fn key(id: &str) -> ClaimKey {
    EventId { source: String::new(), id: id.to_owned() }.key()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the tests write texts")
}
