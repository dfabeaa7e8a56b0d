//! Measures the claim table: `cargo xtask bench-claims` starts this, with the servers in its environment.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use clap::Parser;
use consumer_benches::{
    claims::{self, Ids, Plan, Results},
    servers::Backend,
};

#[derive(Debug, Parser)]
struct Arguments {
    /// The databases
    #[arg(long, required = true)]
    backend: Vec<Backend>,
    /// How many rows the table has when it is measured, in rising order
    #[arg(long, default_value = "0,1m,10m,30m")]
    rows: String,
    /// What events are called
    #[arg(long, value_delimiter = ',', default_value = "uuid4,uuid7,text")]
    ids: Vec<Ids>,
    /// How long one measurement takes
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Where databases that are files go, and what was measured is kept
    #[arg(long)]
    dir: PathBuf,
    /// Where the page goes; without it no page changes
    #[arg(long)]
    docs: Option<PathBuf>,
    /// What the page says was typed
    #[arg(long, default_value = "cargo xtask bench-claims")]
    command: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let plan = Plan {
        rows: claims::rows(&arguments.rows)?,
        ids: arguments.ids,
        span: Duration::try_from_secs_f64(arguments.seconds).context("--seconds is no time")?,
        dir: arguments.dir.clone(),
        command: arguments.command,
    };
    let kept = arguments.dir.join("claims");
    for backend in arguments.backend {
        let results = claims::run(&plan, backend).await?;
        println!("{}", claims::tables(&results));
        if arguments.docs.is_some() {
            results.save(&kept)?;
        }
    }
    match &arguments.docs {
        Some(docs) => claims::write(docs, &Results::load_all(&kept)?),
        None => Ok(()),
    }
}
