//! The claim table as it grows: inserts per second, bytes per row, and what a sweep does to the units beside it.
//!
//! Every claim that is measured goes through the library's own storage; only the fill is SQL of ours, with
//! values that consumer-core computes. `cargo xtask bench-claims` starts the servers and this.

mod database;
mod fill;
mod ids;
mod literal;
mod mysql;
mod pace;
mod page;
mod postgres;
mod rate;
mod results;
mod retention;
mod share;
mod size;
mod sqlite;
mod table;
mod units;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use consumer_core::storage::{ConsumerName, Storage};

use self::{
    database::Database,
    fill::Fill,
    ids::Source,
    mysql::Mysql,
    postgres::Postgres,
    rate::Meter,
    results::{Growth, Measured},
    share::Share,
    sqlite::Sqlite,
    units::Units,
};
pub use self::{ids::Ids, page::write, results::Results, size::rows, table::tables};
use crate::{
    books::Books,
    calm::calm,
    machine::Machine,
    servers::{Backend, Servers},
};

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How large the table is when it is measured, in rising order.
    pub rows: Vec<u64>,
    /// What events are called.
    pub ids: Vec<Ids>,
    /// How long one measurement takes.
    pub span: Duration,
    /// Where databases that are files go.
    pub dir: PathBuf,
    /// What to type to do all this again.
    pub command: String,
}

/// Measures one database, with each kind of id.
///
/// # Errors
/// When the database refuses something, or is not what it should be.
pub async fn run(plan: &Plan, backend: Backend) -> Result<Results> {
    let servers = Servers::without_broker(backend)?;
    let machine = Machine::here(&servers, &plan.dir).await?;
    let share = Share::begin(servers.database);
    let (mut memory, mut measured) = (String::new(), Vec::new());
    for ids in &plan.ids {
        let books = Books::open(&servers).await?;
        let found = match backend {
            Backend::Postgres => on::<Postgres>(plan, &servers, books.url(), *ids).await,
            Backend::Mysql => on::<Mysql>(plan, &servers, books.url(), *ids).await,
            Backend::Sqlite => on::<Sqlite>(plan, &servers, books.url(), *ids).await,
        };
        // A table of some gigabytes does not stay, whatever happened.
        let closed = books.close().await;
        let (has, figures) = found.with_context(|| format!("{backend}, {ids}"))?;
        closed?;
        memory = has;
        measured.push(figures);
    }
    Ok(Results {
        backend,
        machine,
        command: plan.command.clone(),
        seconds: plan.span.as_secs_f64(),
        memory,
        others: share.of_others(),
        measured,
    })
}

/// One database with one kind of id, and how much memory it has.
async fn on<D: Database>(plan: &Plan, servers: &Servers, url: &str, ids: Ids) -> Result<(String, Measured)> {
    let backend = servers.backend;
    let mut database = D::open(url).await?;
    let store = database.store().clone();
    store.prepare().await?;
    let names = [ConsumerName { name: "payments", aliases: &[] }];
    let consumer = *store.enroll(&names).await?.first().context("the consumer has no id")?;
    let source = Source::new(ids, consumer);
    let mut fill = Fill::new(source, plan.rows.last().copied().unwrap_or_default());
    let mut meter = Meter::new(Units::open(store.clone(), source).await?, plan.span);

    let mut growth = Vec::new();
    for rows in &plan.rows {
        fill.up_to(&mut database, meter.units.next_mut(), *rows).await?;
        database.settle().await?;
        calm(servers).await;
        let before = meter.units.next();
        let rates = meter.rates(|line| eprintln!("{backend}, {ids}, {}: {line}", size::text(before))).await?;
        let after = meter.units.next();
        let size = database.size().await?;
        eprintln!(
            "{backend}, {ids}, {}: {:.1} bytes per row",
            size::text(after),
            size.bytes() / after as f64
        );
        growth.push(Growth { before, after, rates, size });
    }
    let retention = if fill.old() > 0 {
        calm(servers).await;
        Some(retention::measure(&store, &mut meter, fill.old()).await?)
    } else {
        None
    };
    let memory = database.memory().await?;
    drop(meter);
    database.close().await?;
    Ok((memory, Measured { ids, growth, retention }))
}
