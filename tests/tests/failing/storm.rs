//! The slow-database storm of the textbook: somebody holds a lock, and thousands of events arrive.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use consumer::{
    App,
    circuit::CircuitState,
    prelude::*,
    sqlx::{self, Connection as _, PgConnection},
};
use consumer_tests::{business::Business, event::Paid, wait};

use super::{EFFECTS, PATIENCE, Shop, number, paid};

const WORKERS: usize = 8;
/// A quarter of the handler's timeout: how long a unit waits for a lock.
const LOCK_LIMIT: Duration = Duration::from_secs(1);

#[derive(Clone, Default)]
struct Begun(Arc<AtomicU64>);

#[consumer(name = "storm", timeout = "4s")]
async fn storm(event: Paid, conn: &mut PgConnection, State(begun): State<Begun>) -> Result<(), sqlx::Error> {
    begun.0.fetch_add(1, Ordering::Relaxed);
    conn.take_effect("storm", &event.payment).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_held_while_thousands_of_events_arrive_makes_no_storm() {
    let Some(shop) = Shop::open().await else { return };
    let hold = Duration::from_secs(number("CONSUMER_TEST_STORM_SECONDS", 15) as u64);
    let events = number("CONSUMER_TEST_STORM_EVENTS", 2_000);
    shop.execute(EFFECTS).await;
    let begun = Begun::default();
    let configure = shop.on_its_queue();
    let app = App::new()
        .state(begun.clone())
        .register_with::<storm>(move |c| configure(c).concurrency(WORKERS).prefetch(200));
    let running = shop.run(shop.store().await, app).await;
    let consumer = running.handle.consumer("storm").expect("a consumer");

    let mut holder = shop.connection().await;
    let mut lock = holder.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE effects IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.expect("a lock");
    let held = Instant::now();
    let publishing = shop.publish((0..events).map(paid));
    let watching = async {
        let (mut opened, mut most) = (false, 0);
        while held.elapsed() < hold {
            opened |= consumer.circuit() != CircuitState::Closed;
            let sessions = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()";
            most = most.max(shop.count(sessions).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        (opened, most)
    };
    let ((), (opened, connections)) = tokio::join!(publishing, watching);
    let meanwhile = begun.0.load(Ordering::Relaxed);
    lock.rollback().await.expect("the lock is free");

    let freed = Instant::now();
    shop.reaches(events as i64).await;
    let attempts = shop.count("SELECT COALESCE(SUM(attempts), 0)::bigint FROM event_failures").await;
    let bound = WORKERS as u64 * hold.as_millis() as u64 / LOCK_LIMIT.as_millis() as u64;
    println!(
        "a lock of {hold:?}, {events} events: {meanwhile} units begun meanwhile (bound {bound}), attempts counted {attempts}, \
         dead letters {}, {connections} connections at the most, drained in {:?} after",
        shop.dead().await,
        freed.elapsed()
    );
    assert!(opened, "the breaker never opened");
    assert!(meanwhile <= bound, "{meanwhile} units were begun");
    assert_eq!((attempts, shop.dead().await), (0, 0));
    // The consumer's pool has 32, this test has a few of its own.
    assert!(connections <= 32 + 12, "{connections} connections");
    wait::until("the breaker closes", PATIENCE, async || consumer.circuit() == CircuitState::Closed).await;
    running.stop().await;
}
