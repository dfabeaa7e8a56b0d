//! A process that is still recognised after its number was given to another.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// A process, by its number and the moment it began: the pair is never reused while the machine is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pid: i32,
    /// In clock ticks since the machine started.
    began_ticks: u64,
}

/// What `/proc/<pid>/stat` says of a process.
#[derive(Debug, PartialEq)]
struct Stat {
    zombie: bool,
    parent: i32,
    began_ticks: u64,
}

impl Process {
    /// The running process with this number.
    pub(crate) fn find(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        let stat = stat(pid).filter(|stat| !stat.zombie)?;
        Some(Self { pid, began_ticks: stat.began_ticks })
    }

    /// This command itself.
    pub(crate) fn own() -> Option<Self> {
        Self::find(std::process::id())
    }

    /// Its number.
    pub(crate) fn pid(self) -> i32 {
        self.pid
    }

    /// Whether it still runs; a zombie does not.
    pub(crate) fn is_alive(self) -> bool {
        stat(self.pid).is_some_and(|stat| !stat.zombie && stat.began_ticks == self.began_ticks)
    }

    /// Sends it a signal, unless it has ended.
    pub(crate) fn signal(self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.is_alive()) {
            // It may end between the look and the signal: then there is nothing to signal.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits for its end; whether that came within the limit.
    pub(crate) fn wait(self, limit: Duration) -> bool {
        let begun = Instant::now();
        while self.is_alive() {
            if begun.elapsed() > limit {
                return false;
            }
            sleep(Duration::from_millis(10));
        }
        true
    }

    /// Kills it without warning, with everything it started, as a power cut would.
    pub(crate) fn kill_tree(self) {
        let tree = self.descendants();
        for process in std::iter::once(self).chain(tree.iter().copied()) {
            process.signal(Signal::KILL);
        }
        for process in std::iter::once(self).chain(tree) {
            process.wait(Duration::from_secs(10));
        }
    }

    fn descendants(self) -> Vec<Self> {
        let running: Vec<_> = running().collect();
        let mut tree = vec![self];
        let mut next = 0;
        while let Some(parent) = tree.get(next).copied() {
            let children = running.iter().filter(|(_, of)| *of == parent.pid);
            tree.extend(children.map(|(process, _)| *process));
            next += 1;
        }
        tree.split_off(1)
    }
}

/// Every running process with the number of its parent.
fn running() -> impl Iterator<Item = (Process, i32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = stat(pid)?;
        Some((Process { pid, began_ticks: stat.began_ticks }, stat.parent))
    })
}

fn stat(pid: i32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name in parentheses may itself hold spaces and parentheses: fields are counted from the last one.
fn parse(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<_> = rest.split_whitespace().collect();
    Some(Stat {
        zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        began_ticks: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = "7 (a) b (c)) S 3 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 2 3";
        assert_eq!(parse(line), Some(Stat { zombie: false, parent: 3, began_ticks: 4242 }));
    }

    #[test]
    fn a_recycled_number_is_another_process() {
        let own = Process::own().expect("this test runs");
        assert!(own.is_alive());
        assert!(!Process { began_ticks: own.began_ticks + 1, ..own }.is_alive());
    }

    #[test]
    fn a_zombie_is_not_alive() {
        let mut child = std::process::Command::new("true").spawn().expect("true runs");
        let process = Process { pid: child.id().cast_signed(), began_ticks: 0 };
        while stat(process.pid).is_some_and(|stat| !stat.zombie) {
            std::thread::yield_now();
        }
        assert_eq!(Process::find(child.id()), None);
        child.wait().expect("it ended");
    }
}
