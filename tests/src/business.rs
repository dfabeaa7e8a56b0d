//! The business of the tests: rows without a unique key, so that an event that takes effect twice can be seen.

use std::future::Future;

use consumer::sqlx::{self, MySqlConnection, PgConnection, SqliteConnection};

/// A connection that an event can take effect on.
pub trait Business: Send {
    /// Writes one row.
    fn take_effect(
        &mut self,
        consumer: &str,
        id: &str,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

fn pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(i32::MAX)
}

macro_rules! business {
    ($connection:ty, $insert:literal) => {
        impl Business for $connection {
            async fn take_effect(&mut self, consumer: &str, id: &str) -> Result<(), sqlx::Error> {
                sqlx::query($insert).bind(consumer).bind(id).bind(pid()).execute(self).await.map(drop)
            }
        }
    };
}

business!(PgConnection, "INSERT INTO effects (consumer, id, pid) VALUES ($1, $2, $3)");
business!(MySqlConnection, "INSERT INTO effects (consumer, id, pid) VALUES (?, ?, ?)");
business!(SqliteConnection, "INSERT INTO effects (consumer, id, pid) VALUES (?, ?, ?)");
