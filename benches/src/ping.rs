//! A statement that does nothing: how far away the database is.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sqlx::{Connection, MySqlConnection, PgConnection};

use crate::servers::{Backend, Servers};

const PINGS: usize = 400;

/// What a round trip takes, straight or through a proxy.
///
/// # Errors
/// When the database does not answer, or is a file.
pub async fn median(servers: &Servers, proxy: Option<&str>) -> Result<Duration> {
    let url = proxy.map_or_else(|| servers.admin.clone(), |proxy| at(&servers.admin, proxy));
    match servers.backend {
        Backend::Postgres => of(PgConnection::connect(&url).await?).await,
        Backend::Mysql => of(MySqlConnection::connect(&url).await?).await,
        Backend::Sqlite => bail!("SQLite is not at the other end of a network"),
    }
}

async fn of(mut conn: impl Connection) -> Result<Duration> {
    let mut times = Vec::with_capacity(PINGS);
    for _ in 0..PINGS {
        let begun = Instant::now();
        conn.ping().await?;
        times.push(begun.elapsed());
    }
    conn.close().await?;
    times.sort_unstable();
    Ok(times[PINGS / 2])
}

/// The server of a URL.
///
/// # Errors
/// When it names none.
pub fn host_and_port(url: &str) -> Result<String> {
    let (_, rest) = url.split_once('@').context("a URL without a user")?;
    Ok(rest.split('/').next().unwrap_or(rest).to_owned())
}

/// A URL with another host and port.
pub(crate) fn at(url: &str, host_and_port: &str) -> String {
    let Some((before, rest)) = url.split_once('@') else { return url.to_owned() };
    let path = rest.find('/').map_or("", |slash| &rest[slash..]);
    format!("{before}@{host_and_port}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_takes_the_place_of_host_and_port() {
        let url = "postgres://u:p@127.0.0.1:5/b?x=y";
        assert_eq!(host_and_port(url).expect("it names one"), "127.0.0.1:5");
        assert_eq!(at(url, "h:7"), "postgres://u:p@h:7/b?x=y");
    }
}
