//! Kill points and mutants, which exist only in builds with `--cfg consumer_faults`.
//!
//! A kill point aborts the process where a crash would hurt most; a mutant is a classic mistake that the tests must
//! notice. Both are picked by the environment of a test run: `CONSUMER_KILL=<point>` or `CONSUMER_KILL=<point>:<nth hit>`,
//! `CONSUMER_MUTANT=<name>`. In any other build the functions are empty and vanish.

/// Aborts the process if this is the kill point and the hit that the environment names.
#[inline]
pub fn kill_point(_name: &str) {
    #[cfg(consumer_faults)]
    switched_on::kill_point(_name);
}

/// Polls `future` once, which sends its request, and then aborts if this is the kill point: the reply stays unread. Threads
/// that do the sending get a moment for it.
pub async fn kill_after_sending<F: Future>(_name: &str, future: F) -> F::Output {
    #[cfg(consumer_faults)]
    if switched_on::is_due(_name) {
        let mut future = std::pin::pin!(future);
        let _ = futures_util::poll!(future.as_mut());
        std::thread::sleep(switched_on::SENDING);
        switched_on::abort(_name);
    }
    future.await
}

/// Whether the environment asks for this mistake.
#[inline]
pub fn is_mutant(_name: &str) -> bool {
    #[cfg(consumer_faults)]
    return switched_on::is_mutant(_name);
    #[cfg(not(consumer_faults))]
    false
}

#[cfg(consumer_faults)]
mod switched_on {
    use std::{
        env,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
    };

    static KILL: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let point = env::var("CONSUMER_KILL").ok()?;
        match point.split_once(':') {
            Some((name, nth)) => Some((name.to_owned(), nth.parse().ok()?)),
            None => Some((point, 1)),
        }
    });
    static MUTANT: LazyLock<Option<String>> = LazyLock::new(|| env::var("CONSUMER_MUTANT").ok());
    /// Far above what the thread of a connection takes to write a frame.
    pub(super) const SENDING: std::time::Duration = std::time::Duration::from_millis(20);

    static HITS: AtomicU64 = AtomicU64::new(0);

    pub(super) fn kill_point(name: &str) {
        if is_due(name) {
            abort(name);
        }
    }

    pub(super) fn is_due(name: &str) -> bool {
        let Some((point, nth)) = &*KILL else { return false };
        point == name && HITS.fetch_add(1, Ordering::Relaxed) + 1 == *nth
    }

    pub(super) fn abort(name: &str) -> ! {
        eprintln!("killed at {name}");
        std::process::abort();
    }

    pub(super) fn is_mutant(name: &str) -> bool {
        MUTANT.as_deref() == Some(name)
    }
}
