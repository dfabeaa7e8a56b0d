//! Traffic: events with duplicates, published so that there is always a backlog.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Mutex, task::JoinHandle, time::sleep};

use crate::{event::Paid, ledger::Reader, publisher::Publisher, verdict::Published};

/// Messages published at once.
const BATCH: usize = 40;
/// How many out of a hundred messages repeat an earlier event.
const REPEATED: u32 = 30;

/// A publisher at work.
pub struct Traffic {
    published: Arc<Mutex<Published>>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Traffic {
    /// Publishes whenever fewer than `backlog` events wait for the consumer `slowest`.
    pub fn start(
        publisher: Arc<Publisher>,
        mut ledger: Reader,
        slowest: &'static str,
        backlog: usize,
        mut dice: fastrand::Rng,
    ) -> Self {
        let published = Arc::new(Mutex::new(Published::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (published.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let mut ids: Vec<String> = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                if ids.len().saturating_sub(ledger.ended(slowest)) >= backlog {
                    sleep(Duration::from_millis(5)).await;
                    continue;
                }
                let batch = batch(&mut ids, &mut dice);
                publisher.publish(&batch).await;
                shared.lock().await.add(batch);
            }
        });
        Self { published, stop, task }
    }

    /// How many events the broker has confirmed so far.
    pub async fn confirmed(&self) -> usize {
        self.published.lock().await.ids.len()
    }

    /// Publishes no more.
    ///
    /// # Panics
    /// If the publisher did.
    pub async fn stop(self) -> Published {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the publisher");
        self.published.lock().await.clone()
    }
}

/// New events, and again some that were published before, just now or long ago.
fn batch(ids: &mut Vec<String>, dice: &mut fastrand::Rng) -> Vec<Paid> {
    let mut next = || {
        if !ids.is_empty() && dice.u32(..100) < REPEATED {
            return ids[dice.usize(..ids.len())].clone();
        }
        ids.push(uuid(dice));
        ids[ids.len() - 1].clone()
    };
    (0..BATCH).map(|_| Paid::new(next())).collect()
}

/// An id that is the same for the same seed.
pub fn uuid(dice: &mut fastrand::Rng) -> String {
    uuid::Builder::from_random_bytes(dice.u128(..).to_be_bytes()).into_uuid().to_string()
}
