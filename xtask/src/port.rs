//! Ports nobody else takes.

use std::fs;
use std::net::TcpListener;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

const LOWEST: u16 = 12_000;
/// Where Linux begins to hand out ports to outgoing connections unless it says otherwise.
const EPHEMERAL: u16 = 32_768;

/// Counts up from a random place, so that two checkouts look in different places and one never asks twice.
static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(fastrand::u16(..)));

/// A free port on 127.0.0.1, outside the range of outgoing connections.
///
/// In that range a client that reconnects while its server is down may be given the server's own port, and then either
/// talks to itself or keeps the server from starting.
///
/// # Errors
/// When a thousand candidates in a row are taken.
pub(crate) fn free() -> Result<u16> {
    let span = ephemeral_begin().max(LOWEST + 1_000) - LOWEST;
    for _ in 0..1_000 {
        let port = LOWEST + NEXT.fetch_add(1, Ordering::Relaxed) % span;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1")
}

fn ephemeral_begin() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_whitespace().next().and_then(|low| low.parse().ok()).unwrap_or(EPHEMERAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_asked_in_a_row_differ() {
        assert_ne!(free().expect("a port"), free().expect("a port"));
    }
}
