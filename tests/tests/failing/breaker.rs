//! A long outage, in compressed time: dozens of probes, and not one delivery more.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use consumer::{
    App, Class,
    circuit::{CircuitBreaker, CircuitState},
    prelude::*,
    testing::{Fault, MemoryStore, Step},
};
use consumer_tests::{event::Paid, wait};

use super::{PATIENCE, Shop, paid};

const EVENTS: usize = 100;
/// A probe each 50 ms stands for one each 30 s: an outage of an hour and more.
const PROBE: Duration = Duration::from_millis(50);
const OUTAGE: Duration = Duration::from_secs(8);

/// What each delivery looked like.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(bool, bool)>>>);

#[consumer(name = "long")]
async fn look(_: Paid, meta: Meta, State(seen): State<Seen>) -> anyhow::Result<()> {
    let counted = meta.headers().get("x-delivery-count").is_some();
    seen.0.lock().expect("no panic inside").push((counted, meta.redelivered()));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_outage_leaves_delivery_counts_as_they_were() {
    let Some(shop) = Shop::open().await else { return };
    let (store, seen, configure) = (MemoryStore::new(), Seen::default(), shop.on_its_queue());
    let breaker = CircuitBreaker::default().waits(PROBE, PROBE);
    let app = App::new()
        .state(seen.clone())
        .register_with::<look>(move |c| configure(c).prefetch(40).circuit_breaker(breaker));
    let running = shop.run(store.clone(), app).await;
    let consumer = running.handle.consumer("long").expect("a consumer");
    store.break_down(Step::Begin, Fault::Error(Class::ServerAway));
    store.break_down(Step::Ping, Fault::Error(Class::ServerAway));
    shop.publish((0..EVENTS).map(paid)).await;
    wait::until("an open breaker", PATIENCE, async || consumer.circuit() == CircuitState::Open).await;
    tokio::time::sleep(OUTAGE).await;
    // Now the database answers, but no unit gets through: one message tells, again and again.
    store.repair();
    store.break_down(Step::Begin, Fault::Error(Class::ServerAway));
    tokio::time::sleep(OUTAGE / 4).await;
    assert!(store.committed().is_empty() && consumer.circuit() != CircuitState::Closed);
    store.repair();
    wait::until("every event", PATIENCE, async || store.committed().len() == EVENTS).await;
    let seen = seen.0.lock().expect("no panic inside").clone();
    assert_eq!(seen, [(false, false); EVENTS], "counted, redelivered");
    running.stop().await;
}
