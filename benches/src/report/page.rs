//! The page.

use super::row::{HEADS, others, row};
use crate::results::Results;

/// What does not change with the figures.
const HEAD: &str = include_str!("head.md");

/// The whole page.
pub(super) fn page(all: &[Results], picture: &str) -> String {
    let sections: String = all.iter().map(section).collect();
    HEAD.replace("{picture}", picture) + &sections
}

fn section(results: &Results) -> String {
    let machine = &results.machine;
    let versions: Vec<_> =
        machine.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let away = results.distance.map_or_else(String::new, |distance| {
        format!(
            "A statement that does nothing takes {:.2} ms, {:.2} ms without the proxy.\n",
            distance.far_ping_us as f64 / 1_000.0,
            distance.near_ping_us as f64 / 1_000.0
        )
    });
    format!(
        "\n## {title}\n\n`{command}`, {date}, commit {commit}: {rounds} rounds, {queues} queues.\n\
         {cores} cores ({processor}), {memory} GiB, Linux {kernel}, a page made durable in {sync} µs; {versions}.\n\
         Other processes used {others:.0} % of the machine meanwhile.\n{away}\n{table}",
        title = results.title(),
        command = results.command,
        date = machine.date,
        commit = machine.commit,
        rounds = results.rounds,
        queues = results.queue_kind.as_str(),
        cores = machine.cores,
        processor = machine.processor,
        memory = machine.memory_gib,
        kernel = machine.kernel,
        sync = machine.fdatasync_us,
        versions = versions.join(", "),
        others = others(results).unwrap_or_default() * 100.0,
        table = table(results),
    )
}

fn table(results: &Results) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = std::iter::once("---").chain(std::iter::repeat_n("---:", HEADS.len() - 1));
    let heads = line(&HEADS.map(str::to_owned));
    let rule = line(&rule.map(str::to_owned).collect::<Vec<_>>());
    let rows = results.figures.iter().map(|figure| line(&row(results, figure)));
    [heads, rule].into_iter().chain(rows).collect()
}
