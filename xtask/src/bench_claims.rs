//! The benchmark of the claim table, on servers of its own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::bench::{self, Backend};
use crate::services::{Service, Services, Session};
use crate::workspace::Workspace;
use crate::{child, narrate};

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Choice {
    /// A minute for each database, to see that it works: 0 and 100k rows, 1 s for each measurement
    #[arg(long)]
    quick: bool,
    /// One database only
    #[arg(long)]
    backend: Option<Backend>,
    /// How many rows the table has when it is measured, in rising order [default: 0,1m,10m,30m]
    #[arg(long)]
    rows: Option<String>,
    /// What events are called [default: uuid4,uuid7,text]
    #[arg(long)]
    ids: Option<String>,
    /// How long one measurement takes [default: 5]
    #[arg(long)]
    seconds: Option<f64>,
    /// Writes claim_table.md into this directory; without it no page changes
    #[arg(long)]
    docs: Option<PathBuf>,
}

/// Builds the benchmark, starts its servers, runs it and stops them; whether it succeeded.
///
/// # Errors
/// When a server does not start, or `Interrupted`.
pub(crate) fn run(workspace: &Workspace, choice: &Choice) -> Result<bool> {
    if !bench::build(workspace, "claims")? {
        return Ok(false);
    }
    let (dir, backends) = (workspace.target("bench"), choice.backends());
    let session = Session::open(Services::apart(dir.join("services")), &wanted(&backends))?;
    let mut command = Command::new(workspace.target("release/claims"));
    command.args(choice.arguments(&backends)).arg("--dir").arg(&dir);
    if let Some(docs) = &choice.docs {
        let docs = docs.canonicalize().with_context(|| format!("there is no {}", docs.display()))?;
        command.arg("--docs").arg(docs);
    }
    command.current_dir(workspace.path("")).envs(bench::environment(&session, &dir).iter());
    let status = child::run(&mut command)?;
    if !status.success() {
        narrate::say(format!("the benchmark ended with {status}"));
    }
    Ok(status.success())
}

/// No broker: nothing comes from a queue.
fn wanted(backends: &[Backend]) -> Vec<Service> {
    backends.iter().filter_map(|backend| backend.service()).collect()
}

impl Choice {
    fn backends(&self) -> Vec<Backend> {
        self.backend.map_or_else(|| Backend::ALL.to_vec(), |one| vec![one])
    }

    fn arguments(&self, backends: &[Backend]) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |name: &str, value: String| arguments.extend([format!("--{name}"), value]);
        backends.iter().for_each(|backend| add("backend", bench::text(*backend)));
        let quick = |value: &str| self.quick.then(|| value.to_owned());
        self.rows.clone().or(quick("0,100k")).into_iter().for_each(|rows| add("rows", rows));
        self.ids.iter().for_each(|ids| add("ids", ids.clone()));
        let seconds = self.seconds.map(|seconds| seconds.to_string());
        seconds.or(quick("1")).into_iter().for_each(|seconds| add("seconds", seconds));
        add("command", bench::typed());
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice() -> Choice {
        Choice { quick: false, backend: None, rows: None, ids: None, seconds: None, docs: None }
    }

    fn value(choice: &Choice, name: &str) -> Option<String> {
        let arguments = choice.arguments(&choice.backends());
        arguments.iter().position(|word| word == name).map(|at| arguments[at + 1].clone())
    }

    #[test]
    fn quick_is_small_unless_more_is_asked_for() {
        assert_eq!((value(&choice(), "--rows"), value(&choice(), "--seconds")), (None, None));
        let quick = Choice { quick: true, ..choice() };
        assert_eq!(value(&quick, "--rows").as_deref(), Some("0,100k"));
        assert_eq!(value(&quick, "--seconds").as_deref(), Some("1"));
        let more = Choice { rows: Some("1m".to_owned()), seconds: Some(2.0), ..quick };
        assert_eq!(value(&more, "--rows").as_deref(), Some("1m"));
        assert_eq!(value(&more, "--seconds").as_deref(), Some("2"));
    }

    #[test]
    fn no_broker_is_started() {
        assert_eq!(wanted(&choice().backends()), [Service::Postgres, Service::Mysql]);
        assert!(wanted(&[Backend::Sqlite]).is_empty());
    }
}
