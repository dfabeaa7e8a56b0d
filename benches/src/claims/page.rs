//! The page.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::{
    results::Results,
    table::{GROWTH, SWEEPS, growth, sweeps},
};
use crate::report::{here, markdown};

const PAGE: &str = "claim_table.md";
/// What does not change with the figures.
const HEAD: &str = include_str!("head.md");

/// Writes the page.
///
/// # Errors
/// When the file system refuses.
pub fn write(docs: &Path, all: &[Results]) -> Result<()> {
    let file = docs.join(PAGE);
    let text = HEAD.to_owned() + &all.iter().map(section).collect::<String>();
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn section(results: &Results) -> String {
    let machine = &results.machine;
    format!(
        "\n## {title}\n\n`{command}`, {date}, commit {commit}: {seconds} s for each measurement, {memory}.\n\
         {here}.\n\
         Other processes used {others:.0} % of the machine meanwhile.\n\n{growth}\n{sweeps}",
        title = results.backend,
        command = results.command,
        date = machine.date,
        commit = machine.commit,
        seconds = results.seconds,
        memory = results.memory,
        here = here(machine),
        others = results.others * 100.0,
        growth = markdown(&GROWTH, growth(results)),
        sweeps = markdown(&SWEEPS, sweeps(results)),
    )
}
