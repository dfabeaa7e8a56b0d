//! Out of order: the refund that comes before its payment waits for it on the ladder, and needs nobody.

use std::time::Duration;

use consumer::{
    App,
    prelude::*,
    retry::RetryPolicy,
    sqlx::{self, PgConnection},
};
use consumer_tests::{stage::message, wait};

use super::{PATIENCE, Shop};

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "payment", version = 1)]
struct Payment {
    payment: String,
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "refund", version = 1)]
struct Refund {
    refund: String,
    payment: String,
}

#[derive(Debug, Event)]
enum Money {
    Paid(Payment),
    Refunded(Refund),
}

#[consumer(name = "money")]
async fn book(event: Money, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    match event {
        Money::Paid(Payment { payment }) => {
            sqlx::query("INSERT INTO payments (id) VALUES ($1)").bind(payment).execute(conn).await?
        }
        Money::Refunded(Refund { refund, payment }) => {
            let insert = "INSERT INTO refunds (id, payment) VALUES ($1, $2)";
            sqlx::query(insert).bind(refund).bind(payment).execute(conn).await?
        }
    };
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_before_its_payment_is_applied_after_it() {
    let Some(shop) = Shop::open().await else { return };
    shop.execute("CREATE TABLE payments (id text PRIMARY KEY)").await;
    shop.execute("CREATE TABLE refunds (id text PRIMARY KEY, payment text NOT NULL REFERENCES payments)")
        .await;
    let configure = shop.on_its_queue();
    let policy = RetryPolicy::default()
        .waits(Duration::from_millis(10), Duration::from_millis(20))
        .ladder([300, 600, 900, 60_000].map(Duration::from_millis));
    let app = App::new().register_with::<book>(move |c| configure(c).retry(policy.clone()));
    let running = shop.run(shop.store().await, app).await;
    let refunds = (0..20)
        .map(|n| message(&format!("r{n}"), "refund", &format!(r#"{{"refund":"r{n}","payment":"p{n}"}}"#)));
    shop.publish(refunds).await;
    let on_the_ladder =
        async || shop.count("SELECT COUNT(*) FROM event_failures WHERE state = 'delayed'").await == 20;
    wait::until("every refund waits", PATIENCE, on_the_ladder).await;
    assert_eq!(shop.count("SELECT COUNT(*) FROM refunds").await, 0);
    let payments = (0..20).map(|n| message(&format!("p{n}"), "payment", &format!(r#"{{"payment":"p{n}"}}"#)));
    shop.publish(payments).await;
    let applied = async || shop.count("SELECT COUNT(*) FROM refunds").await == 20;
    wait::until("every refund is applied", PATIENCE, applied).await;
    assert_eq!(shop.dead().await, 0);
    running.stop().await;
}
