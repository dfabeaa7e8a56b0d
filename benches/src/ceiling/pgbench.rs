//! The database alone: `pgbench` with the transaction of the business, claim included.

use std::{path::Path, process::Stdio};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// The transaction of the best consumer by hand.
const SCRIPT: &str = r"\set account random(1, 1000)
\set cents random(100, 100000)
BEGIN;
INSERT INTO processed (message_id) VALUES (gen_random_uuid()) ON CONFLICT DO NOTHING;
INSERT INTO payments (id, account, cents) VALUES (gen_random_uuid(), :account, :cents);
UPDATE balances SET cents = cents + :cents WHERE account = :account;
COMMIT;
";

/// Transactions per second of so many clients.
///
/// # Errors
/// When pgbench cannot be run.
pub async fn run(pgbench: &Path, database: &str, clients: u32, seconds: u64) -> Result<f64> {
    let script = tempfile::NamedTempFile::new()?;
    std::fs::write(script.path(), SCRIPT)?;
    let mut command = Command::new(pgbench);
    command
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .args([format!("--client={clients}"), format!("--time={seconds}")])
        .arg("--file")
        .arg(script.path())
        .arg(database)
        .stdin(Stdio::null());
    let output = command.output().await.context("pgbench cannot be started")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
    rate(&text).with_context(|| format!("pgbench says no rate: {text}"))
}

fn rate(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_rate_is_found_in_what_it_prints() {
        let text = "latency average = 3.8 ms\ntps = 8400.123 (without initial connection time)\n";
        assert_eq!(super::rate(text), Some(8400.123));
    }
}
