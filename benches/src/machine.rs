//! Where and when it was measured, with which versions.

use std::{
    fs,
    io::Write,
    path::Path,
    process::Command,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sqlx::Connection;

use crate::{
    cpu,
    servers::{Backend, Servers},
};

/// The versions of what is compiled in.
const LOCK: &str = include_str!("../../Cargo.lock");
/// What a database writes at once.
const PAGE: usize = 8_192;
const SYNCS: usize = 200;

/// A machine on a day.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// `2026-11-27`.
    pub date: String,
    /// What the processors call themselves.
    pub processor: String,
    /// How many there are.
    pub cores: usize,
    /// How much memory, in GiB.
    pub memory_gib: u64,
    /// Of Linux.
    pub kernel: String,
    /// How long the disk takes to make a page durable, in microseconds.
    pub fdatasync_us: u64,
    /// Name and version of each server and library.
    pub versions: Vec<(String, String)>,
    /// Which state of the sources.
    pub commit: String,
}

impl Machine {
    /// This one, now; `dir` is where the databases are.
    ///
    /// # Errors
    /// When a server does not say who it is.
    pub async fn here(servers: &Servers, dir: &Path) -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Ok(Self {
            date: date(SystemTime::now()),
            processor: field(&cpuinfo, "model name").unwrap_or("unknown").to_owned(),
            cores: cpu::cores(),
            memory_gib: field(&meminfo, "MemTotal").map_or(0, gib),
            kernel: kernel.trim().to_owned(),
            fdatasync_us: fdatasync_us(dir)?,
            versions: versions(servers).await?,
            commit: commit(),
        })
    }
}

async fn versions(servers: &Servers) -> Result<Vec<(String, String)>> {
    let library = |name: &str| (name.to_owned(), locked(LOCK, name));
    let mut versions = vec![(servers.backend.title().to_owned(), database(servers).await?)];
    let has_broker = !servers.rabbitmq_version.is_empty();
    if has_broker {
        versions.push(("RabbitMQ".to_owned(), servers.rabbitmq_version.clone()));
    }
    versions.push(library("sqlx"));
    if has_broker {
        versions.push(library("lapin"));
    }
    versions.push(("rustc".to_owned(), said(Command::new("rustc").arg("--version"), 1)));
    Ok(versions)
}

async fn database(servers: &Servers) -> Result<String> {
    Ok(match servers.backend {
        Backend::Postgres => {
            let mut conn = sqlx::PgConnection::connect(&servers.admin).await?;
            sqlx::query_scalar("SHOW server_version").fetch_one(&mut conn).await?
        }
        Backend::Mysql => {
            let mut conn = sqlx::MySqlConnection::connect(&servers.admin).await?;
            sqlx::query_scalar("SELECT version()").fetch_one(&mut conn).await?
        }
        Backend::Sqlite => {
            let mut conn = sqlx::SqliteConnection::connect("sqlite::memory:").await?;
            sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut conn).await?
        }
    })
}

fn commit() -> String {
    let hash = said(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]), 0);
    let changed = said(Command::new("git").args(["status", "--porcelain", "--untracked-files=no"]), 0);
    if changed.is_empty() { hash } else { format!("{hash}, changed") }
}

/// A word of what a program says; nothing if it says nothing.
fn said(command: &mut Command, word: usize) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).split_whitespace().nth(word).unwrap_or_default().to_owned()
}

fn locked(lock: &str, package: &str) -> String {
    let after = lock.split_once(&format!("name = \"{package}\"\nversion = \"")).map(|(_, rest)| rest);
    after.and_then(|rest| rest.split('"').next()).unwrap_or_default().to_owned()
}

fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

fn gib(kibibytes: &str) -> u64 {
    let number = kibibytes.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    number.unwrap_or_default().div_ceil(1 << 20)
}

fn fdatasync_us(dir: &Path) -> Result<u64> {
    let mut file = tempfile::tempfile_in(dir)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&[7; PAGE])?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed().as_micros());
    }
    times.sort_unstable();
    Ok(u64::try_from(times[SYNCS / 2])?)
}

/// The day, in UTC.
fn date(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The date of a day since 1970, by counting eras of 400 years that begin with a March.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_784), (2026, 11, 27));
    }

    #[test]
    fn the_version_of_a_library_is_the_locked_one() {
        assert!(locked(LOCK, "sqlx").starts_with("0.9."));
        assert!(locked(LOCK, "lapin").starts_with("4."));
    }
}
