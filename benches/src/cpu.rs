//! CPU time, as `/proc` counts it.

use std::{collections::HashMap, fs};

/// What Linux counts in, on every platform that people run servers on.
const TICKS_PER_SECOND: u64 = 100;
const MICROS_PER_TICK: u64 = 1_000_000 / TICKS_PER_SECOND;

/// A server, by the number of its first process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root(pub u32);

/// What `/proc/<pid>/stat` says of a process.
#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    ticks: u64,
}

/// CPU time of this process, in microseconds.
pub fn own_us() -> u64 {
    tree_us(Root(std::process::id()))
}

/// CPU time of a process, of those below it, and of those that have ended and were waited for, in microseconds.
pub fn tree_us(root: Root) -> u64 {
    let all: HashMap<u32, Stat> = running().collect();
    let belongs = |pid: &u32| {
        let up = std::iter::successors(Some(*pid), |at| all.get(at).map(|stat| stat.parent));
        up.take(all.len() + 1).any(|at| at == root.0)
    };
    all.iter().filter(|(pid, _)| belongs(pid)).map(|(_, stat)| stat.ticks * MICROS_PER_TICK).sum()
}

/// CPU time of the whole machine, in microseconds: everything but idling and waiting for the disk.
pub fn machine_us() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    text.lines().next().map_or(0, busy) * MICROS_PER_TICK
}

/// How many processors there are.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// user nice system idle iowait irq softirq steal.
fn busy(line: &str) -> u64 {
    let numbers = line.split_whitespace().skip(1).take(7).map(|number| number.parse().unwrap_or(0));
    let numbers: Vec<u64> = numbers.collect();
    let idle: u64 = numbers.iter().skip(3).take(2).sum();
    numbers.iter().sum::<u64>() - idle
}

fn running() -> impl Iterator<Item = (u32, Stat)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?))
    })
}

/// The name in parentheses may itself hold spaces and parentheses: fields are counted from the last one.
fn parse(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    let ticks = (11..15).map(|at| fields.get(at)?.parse::<u64>().ok()).sum::<Option<u64>>()?;
    Some(Stat { parent: fields.get(1)?.parse().ok()?, ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_that_have_ended_count() {
        let line = "7 (a) b (c)) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 4242 1 2 3";
        assert_eq!(parse(line), Some(Stat { parent: 3, ticks: 100 }));
    }

    #[test]
    fn idling_and_the_disk_are_not_work() {
        assert_eq!(busy("cpu  10 1 5 1000 200 2 3 0 0 0"), 21);
    }

    #[test]
    fn own_time_passes() {
        let before = own_us();
        while own_us() == before {
            std::hint::black_box((0..1_000_000_u64).sum::<u64>());
        }
    }
}
