//! Whose turn it is.

use consumer_core::{
    Storage,
    storage::{Commit, Sessions},
};
use futures_util::future::join_all;

use super::start;
use crate::unit::{LIMITS, NOTHING, begin};

/// Left to SQLite, whoever has just committed is the first to ask again, and the others guess when to.
#[tokio::test]
async fn no_worker_starves() {
    const EACH: usize = 25;
    let (_database, store, consumer) = start().await;
    let progress: Vec<_> = (0..4).map(|_| std::cell::Cell::new(0)).collect();
    let worker = async |number: usize| {
        let mut session = store.open(LIMITS).await.expect("a session");
        for round in 0..EACH {
            let tx = begin(&store, &mut session, consumer, &format!("{number} {round}")).await;
            assert!(matches!(store.commit(tx, &NOTHING).await, Commit::Done));
            progress[number].set(round + 1);
            if round + 1 == EACH {
                break;
            }
            let slowest = progress.iter().map(std::cell::Cell::get).min().unwrap_or(0);
            assert!(
                round < slowest + 5,
                "worker {number} has done {round} units while another did {slowest}"
            );
        }
    };
    join_all((0..4).map(worker)).await;
}
