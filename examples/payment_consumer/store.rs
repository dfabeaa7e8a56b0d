//! The storage, picked by a feature: the only file that knows which databases there are.

use anyhow::Context;
use consumer::sqlx;

/// `Conn` is what handlers write with. `sql` takes statements as PostgreSQL and SQLite read them, `in_folder` gives the URL
/// of a database in a folder where no server is needed.
pub use self::picked::{ADD_TO_BALANCE, Conn, NAME, SNAPSHOT, Store, in_folder, sql};

/// Connects, and creates our own tables where they are missing. Those of the library are the runtime's business.
pub async fn connect(url: &str) -> anyhow::Result<Store> {
    let store = Store::connect(url).await?;
    create_tables(&mut *store.pool().acquire().await?)
        .await
        .context("cannot create the tables of the payment service")?;
    Ok(store)
}

pub async fn create_tables(conn: &mut Conn) -> sqlx::Result<()> {
    sqlx::raw_sql(include_str!("schema.sql")).execute(conn).await?;
    Ok(())
}

#[cfg(not(any(feature = "postgres", feature = "mysql")))]
mod picked {
    use std::path::Path;

    pub use consumer::{SqliteStore as Store, sqlx::SqliteConnection as Conn};

    pub const NAME: &str = "SQLite";
    pub const SNAPSHOT: &str = "BEGIN";
    pub const ADD_TO_BALANCE: &str = "INSERT INTO balances (account, cents) VALUES ($1, $2) \
                                      ON CONFLICT (account) DO UPDATE SET cents = balances.cents + excluded.cents";

    pub fn sql(text: &'static str) -> &'static str {
        text
    }

    pub fn in_folder(folder: &Path) -> Option<String> {
        Some(format!("sqlite://{}", folder.join("payments.db").display()))
    }
}

#[cfg(feature = "postgres")]
mod picked {
    use std::path::Path;

    pub use consumer::{PgStore as Store, sqlx::PgConnection as Conn};

    pub const NAME: &str = "PostgreSQL";
    pub const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";
    pub const ADD_TO_BALANCE: &str = "INSERT INTO balances (account, cents) VALUES ($1, $2) \
                                      ON CONFLICT (account) DO UPDATE SET cents = balances.cents + excluded.cents";

    pub fn sql(text: &'static str) -> &'static str {
        text
    }

    pub fn in_folder(_: &Path) -> Option<String> {
        None
    }
}

#[cfg(all(feature = "mysql", not(feature = "postgres")))]
mod picked {
    use std::path::Path;

    use consumer::sqlx::AssertSqlSafe;
    pub use consumer::{MySqlStore as Store, sqlx::MySqlConnection as Conn};

    pub const NAME: &str = "MySQL";
    pub const SNAPSHOT: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT";
    pub const ADD_TO_BALANCE: &str = "INSERT INTO balances (account, cents) VALUES ($1, $2) \
                                      ON DUPLICATE KEY UPDATE cents = cents + VALUES(cents)";

    /// Placeholders are counted here, not numbered, and the integer that a sum is cast to has another name.
    pub fn sql(text: &'static str) -> AssertSqlSafe<String> {
        let counted = (1..=9).fold(text.to_owned(), |text, n| text.replace(&format!("${n}"), "?"));
        AssertSqlSafe(counted.replace("AS BIGINT", "AS SIGNED"))
    }

    pub fn in_folder(_: &Path) -> Option<String> {
        None
    }
}
