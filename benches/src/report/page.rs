//! The page.

use super::{
    meetings,
    row::{HEADS, others, row, thousands},
};
use crate::{
    backlog::{self, Backlog},
    machine::Machine,
    results::Results,
};

/// What does not change with the figures.
const HEAD: &str = include_str!("head.md");

/// The whole page.
pub(super) fn page(all: &[Results], backlog: Option<&Backlog>, picture: &str) -> String {
    let sections = all.iter().map(section).chain(backlog.map(waiting));
    HEAD.replace("{picture}", picture) + &sections.collect::<String>()
}

/// What many waiting messages do to the memory of a consumer.
fn waiting(backlog: &Backlog) -> String {
    format!(
        "\n## {messages} messages waiting\n\n`{command}`, {date}, commit {commit}.\n\
         {here}.\n\n\
         So many messages waited in a quorum queue before the first consumer began, on PostgreSQL. Each consumer is a process of \
         its own; *early* and *late* are the medians of its resident memory in the second and in the last tenth of its time.\n\n\
         {table}",
        messages = thousands(backlog.messages as f64),
        command = backlog.command,
        date = backlog.machine.date,
        commit = backlog.machine.commit,
        here = here(&backlog.machine),
        table = markdown(&backlog::HEADS, backlog::rows(backlog)),
    )
}

fn section(results: &Results) -> String {
    let machine = &results.machine;
    let away = results.distance.map_or_else(String::new, |distance| {
        format!(
            "A statement that does nothing takes {:.2} ms, {:.2} ms without the proxy.\n",
            distance.far_ping_us as f64 / 1_000.0,
            distance.near_ping_us as f64 / 1_000.0
        )
    });
    format!(
        "\n## {title}\n\n`{command}`, {date}, commit {commit}: {rounds} rounds, {queues} queues.\n\
         {here}.\n\
         Other processes used {others:.0} % of the machine meanwhile.\n{away}\n{table}",
        title = results.title(),
        command = results.command,
        date = machine.date,
        commit = machine.commit,
        rounds = results.rounds,
        queues = results.queue_kind.as_str(),
        here = here(machine),
        others = others(results).unwrap_or_default() * 100.0,
        table = table(results),
    )
}

/// What it was measured on.
pub(crate) fn here(machine: &Machine) -> String {
    let versions: Vec<_> =
        machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    format!(
        "{cores} cores ({processor}), {memory} GiB, Linux {kernel}, a page made durable in {sync} µs; {versions}",
        cores = machine.cores,
        processor = machine.processor,
        memory = machine.memory_gib,
        kernel = machine.kernel,
        sync = machine.fdatasync_us,
        versions = versions.join(", "),
    )
}

fn table(results: &Results) -> String {
    let compared = markdown(&HEADS, results.compared().map(|figure| row(results, figure)));
    let meeting = meetings::rows(results);
    if meeting.is_empty() {
        return compared;
    }
    format!("{compared}\nWhere workers meet:\n\n{}", markdown(&meetings::HEADS, meeting))
}

/// A table of a page; all but the first column are figures.
pub(crate) fn markdown<const N: usize>(
    heads: &[&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = std::iter::once("---").chain(std::iter::repeat_n("---:", N - 1));
    let heads = line(&heads.map(str::to_owned));
    let rule = line(&rule.map(str::to_owned).collect::<Vec<_>>());
    let rows = rows.into_iter().map(|row| line(&row));
    [heads, rule].into_iter().chain(rows).collect()
}
