//! Watching a process and its queue.

use std::{
    cell::{Cell, RefCell},
    env, fs,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tokio::{
    process::{Child, Command},
    time::sleep,
};

use crate::results::Spread;

/// Between two looks at the memory.
const OFTEN: Duration = Duration::from_millis(100);
/// Between two questions to the broker, whose answer is a second's work of its own.
const SELDOM: Duration = Duration::from_secs(3);

/// What was seen of a process.
pub(super) struct Seen {
    /// What it wrote.
    pub(super) said: String,
    pub(super) resident: Resident,
    /// How many messages it had at most, where the broker was asked in time.
    pub(super) most_unacked: u64,
}

/// Resident memory in KiB, look by look.
#[derive(Debug, Default)]
pub(super) struct Resident(Vec<u64>);

impl Resident {
    /// The median of a tenth of the time, from 0.
    pub(super) fn in_tenth(&self, nth: usize) -> Option<u64> {
        let (from, to) = (self.0.len() * nth / 10, self.0.len() * (nth + 1) / 10);
        let part = self.0[from..to].iter().map(|kib| *kib as f64);
        Spread::of(part).map(|spread| spread.median as u64)
    }

    pub(super) fn most(&self) -> u64 {
        self.0.iter().copied().max().unwrap_or_default()
    }
}

/// Watches a process until it ends.
///
/// # Errors
/// When it fails, or cannot be watched.
pub(super) async fn watch(process: Child, queue: &str) -> Result<Seen> {
    let pid = process.id().context("it has ended already")?;
    let (resident, most_unacked) = (RefCell::new(Vec::new()), Cell::new(0));
    let memory = async {
        loop {
            // One that has just ended has none.
            resident.borrow_mut().extend(resident_kib(pid));
            sleep(OFTEN).await;
        }
    };
    let broker = async {
        loop {
            match unacked(queue).await {
                Ok(unacked) => most_unacked.set(most_unacked.get().max(unacked)),
                Err(error) => return error,
            }
            sleep(SELDOM).await;
        }
    };
    let output = tokio::select! {
        output = process.wait_with_output() => output?,
        () = memory => unreachable!("it looks for ever"),
        error = broker => return Err(error),
    };
    ensure!(output.status.success(), "it ended with {}", output.status);
    Ok(Seen {
        said: String::from_utf8_lossy(&output.stdout).into_owned(),
        resident: Resident(resident.into_inner()),
        most_unacked: most_unacked.get(),
    })
}

fn resident_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How many messages of a queue are unacknowledged; the broker tells no client.
async fn unacked(queue: &str) -> Result<u64> {
    let program = env::var("CONSUMER_TEST_RABBITMQCTL").context("`CONSUMER_TEST_RABBITMQCTL` is not set")?;
    let mut ask = Command::new(program);
    ask.args(["--quiet", "--no-table-headers", "list_queues", "name", "messages_unacknowledged"]);
    let output = ask.kill_on_drop(true).output().await?;
    ensure!(output.status.success(), "rabbitmqctl: {}", String::from_utf8_lossy(&output.stderr));
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    let count = answer.lines().find_map(|line| line.strip_prefix(queue)?.strip_prefix('\t'));
    count.and_then(|count| count.trim().parse().ok()).with_context(|| format!("no queue in {answer:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_the_median_of_its_looks() {
        let resident = Resident((0..100).collect());
        assert_eq!((resident.in_tenth(1), resident.in_tenth(9), resident.most()), (Some(14), Some(94), 99));
        assert_eq!(Resident(vec![7]).in_tenth(1), None);
    }

    #[test]
    fn a_process_of_ours_has_memory() {
        assert!(resident_kib(std::process::id()).is_some_and(|kib| kib > 100));
        assert_eq!(resident_kib(u32::MAX), None);
    }
}
