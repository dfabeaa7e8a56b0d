//! Waits until the servers have finished what the last run gave them to do.

use std::time::Duration;

use crate::{cpu, servers::Servers};

const LOOK: Duration = Duration::from_millis(100);
/// What servers at rest use of that: RabbitMQ looks after itself all the time.
const AT_REST_US: u64 = 20_000;
/// Servers that never come to rest are measured as they are.
const PATIENCE: u32 = 30;

/// Waits until neither the database nor the broker works, for three seconds at most.
pub async fn calm(servers: &Servers) {
    let mut before = working_us(servers);
    for _ in 0..PATIENCE {
        tokio::time::sleep(LOOK).await;
        let now = working_us(servers);
        if now - before <= AT_REST_US {
            return;
        }
        before = now;
    }
}

fn working_us(servers: &Servers) -> u64 {
    [servers.database, servers.broker].into_iter().flatten().map(cpu::tree_us).sum()
}
