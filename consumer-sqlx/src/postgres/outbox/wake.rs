//! Waking the relays of other processes.

use consumer_core::outbox::Lane;
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use uuid::Uuid;

use crate::tables::Tables;

/// The longest name that PostgreSQL keeps as it is.
const LONGEST: usize = 63;

/// The channel of an outbox.
pub(super) fn channel(tables: &Tables) -> String {
    let name = format!("consumer_{}", tables.name("outbox").replace('"', ""));
    if name.len() <= LONGEST {
        return name;
    }
    format!("consumer_outbox_{}", Uuid::from_bytes(*Lane::of(&name).as_bytes()).simple())
}

/// Tells whoever listens, on a connection that is in no transaction.
pub(super) async fn announce(pool: &PgPool, tables: &Tables) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_notify($1, '')").bind(channel(tables)).execute(pool).await.map(drop)
}

/// Calls `woken` once it listens and for each announcement, until the connection is lost. The connection is none of the
/// pool's: it is held for as long as this runs.
pub(super) async fn announced(
    pool: &PgPool,
    tables: &Tables,
    woken: impl Fn() + Send + Sync,
) -> Result<(), sqlx::Error> {
    let options = pool.connect_options().as_ref().clone();
    let one = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let mut listener = PgListener::connect_with(&one.connect_lazy_with(options)).await?;
    listener.eager_reconnect(false);
    listener.listen(&channel(tables)).await?;
    // What was announced before is found by a look.
    woken();
    while listener.try_recv().await?.is_some() {
        woken();
    }
    Err(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_apart_and_fit() {
        let of = |schema: Option<&str>, prefix: &str| channel(&Tables::new(schema, prefix).expect("names"));
        assert_eq!(of(None, ""), "consumer_outbox");
        assert_eq!(of(Some("inbox"), "acme_"), "consumer_inbox.acme_outbox");
        let long = of(Some(&"s".repeat(63)), "a_");
        assert!(long.len() <= LONGEST && long != of(Some(&"s".repeat(63)), "b_"), "{long}");
    }
}
