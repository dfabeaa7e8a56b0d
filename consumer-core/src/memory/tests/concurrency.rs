//! Many threads at once.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::task::JoinSet;

use super::*;

const PUBLISHERS: u32 = 4;
const CONSUMERS: u32 = 4;
const EACH: u32 = 2_000;

/// Consumers that are cut all the time ack every message exactly once; a lost wake-up would hang this test.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_message_is_acked_once_although_channels_die() {
    let (broker, spec) = server(QueueKind::Quorum);
    let spec = QueueSpec { delivery_limit: u32::MAX, name: "busy".into(), ..spec };
    broker.prepare(std::slice::from_ref(&spec)).await.expect("a new queue can be declared");
    let acked = Arc::new(Mutex::new(HashMap::<u32, u32>::new()));
    let mut consumers = JoinSet::new();
    for _ in 0..CONSUMERS {
        consumers.spawn(work(broker.connect(), spec.clone(), acked.clone()));
    }
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        publishers.spawn(produce(broker.connect(), publisher));
    }
    let done = Arc::new(AtomicBool::new(false));
    let cutter = tokio::spawn(cut_until(broker.clone(), done.clone()));
    publishers.join_all().await;
    in_time(broker.drained("busy")).await;
    done.store(true, Ordering::Relaxed);
    assert!(cutter.await.expect("the cutter does not panic") > 0);
    consumers.abort_all();
    let acked = acked.lock().expect("no worker panics");
    assert_eq!(acked.len(), (PUBLISHERS * EACH) as usize);
    assert!(acked.values().all(|times| *times == 1));
    assert_eq!(broker.tally("busy").acked, u64::from(PUBLISHERS * EACH));
}

async fn produce(broker: MemoryBroker, publisher: u32) {
    for number in 0..EACH {
        let publication = numbered(publisher * EACH + number);
        broker
            .publish(Publication { routing_key: "busy".into(), ..publication })
            .await
            .expect("it is declared");
        tokio::task::yield_now().await;
    }
}

async fn work(broker: MemoryBroker, spec: QueueSpec, acked: Arc<Mutex<HashMap<u32, u32>>>) {
    let mut deliveries = broker.subscribe(&spec, 8).await.expect("it is declared");
    while let Some(delivery) = deliveries.next().await {
        let number = number(&delivery.message);
        tokio::task::yield_now().await;
        let acked = acked.clone();
        delivery.settle(
            Settlement::Ack,
            Box::new(move |sent| {
                if sent && let Ok(mut acked) = acked.lock() {
                    *acked.entry(number).or_default() += 1;
                }
            }),
        );
    }
}

async fn cut_until(broker: MemoryBroker, done: Arc<AtomicBool>) -> usize {
    let mut cuts = 0;
    while !done.load(Ordering::Relaxed) {
        cuts += broker.cut("busy");
        tokio::time::sleep(std::time::Duration::from_micros(200)).await;
    }
    cuts
}
