//! Our deploy is wrong: a table is missing, and no message pays for it.

use std::time::Duration;

use consumer::{
    App,
    circuit::{CircuitBreaker, CircuitState},
    prelude::*,
    sqlx::{self, PgConnection},
};
use consumer_tests::{business::Business, event::Paid, wait};

use super::{EFFECTS, PATIENCE, Shop, paid};

const EVENTS: usize = 200;
/// Looks at a consumer that must not move.
const LOOKS: usize = 30;

#[consumer(name = "deploy")]
async fn deploy(event: Paid, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    conn.take_effect("deploy", &event.payment).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_pauses_the_consumer_until_it_is_there() {
    let Some(shop) = Shop::open().await else { return };
    let configure = shop.on_its_queue();
    let breaker = CircuitBreaker::default().waits(Duration::from_millis(100), Duration::from_millis(500));
    let app = App::new().register_with::<deploy>(move |c| configure(c).circuit_breaker(breaker));
    let running = shop.run(shop.store().await, app).await;
    let consumer = running.handle.consumer("deploy").expect("a consumer");
    shop.publish((0..EVENTS).map(paid)).await;
    let is_open = async || consumer.circuit() == CircuitState::Open;
    wait::until("the breaker opens", PATIENCE, is_open).await;
    let health = running.handle.health().to_string();
    assert!(health.contains("deploy-wrong") && health.contains("effects"), "{health}");

    let waiting = shop.depth(&shop.queue).await;
    for _ in 0..LOOKS {
        assert_eq!(shop.depth(&shop.queue).await, waiting, "a message has moved");
        assert_ne!(consumer.circuit(), CircuitState::Closed);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(shop.count("SELECT COUNT(*) FROM event_failures").await, 0, "an attempt was counted");
    assert_eq!(shop.dead().await, 0);
    shop.execute(EFFECTS).await;
    shop.reaches(EVENTS as i64).await;
    wait::until("it is ready", PATIENCE, async || running.handle.health().ready).await;
    assert_eq!((shop.dead().await, consumer.circuit()), (0, CircuitState::Closed));
    running.stop().await;
}
