//! Messages whose properties the broker acts on: delayed, dead-lettered and redriven, nothing is refused, lost, expired or
//! copied to others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use consumer::{
    App, Broker,
    broker::QueueSpec,
    message::{HeaderValue, Message},
    operate::{DeadLetters, LetterFilter, Redrive},
    prelude::*,
    retry::RetryPolicy,
    sqlx::{self, PgConnection},
};
use consumer_tests::{business::Business, event::Paid, wait};

use super::{EFFECTS, PATIENCE, Shop, drained, paid};

/// Whether the handler works yet.
#[derive(Clone, Default)]
struct Repaired(Arc<AtomicBool>);

#[derive(Debug, thiserror::Error, Classify)]
enum Trouble {
    #[error("the database refuses")]
    Database(#[from] sqlx::Error),
    #[error("not repaired")]
    #[classify(transient)]
    NotRepaired,
}

#[consumer(name = "strange")]
async fn strange(
    event: Paid,
    conn: &mut PgConnection,
    State(repaired): State<Repaired>,
) -> Result<(), Trouble> {
    if !repaired.0.load(Ordering::SeqCst) {
        return Err(Trouble::NotRepaired);
    }
    Ok(conn.take_effect("strange", &event.payment).await?)
}

/// A lie about how often a message has died, in the shape that RabbitMQ writes. One of another shape, in a message that the
/// broker dead-letters, takes down RabbitMQ 3.10.8's own dead-lettering on the whole node.
fn death(queue: &str) -> HeaderValue {
    let fields = [
        ("count", HeaderValue::I64(1 << 40)),
        ("reason", "rejected".into()),
        ("queue", queue.into()),
        ("exchange", "".into()),
        ("routing-keys", HeaderValue::Array(vec![queue.into()])),
    ];
    HeaderValue::Table(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

/// Each with one thing that the broker would act on, and one with everything.
fn messages(audit: &str, user: &str) -> Vec<Message> {
    let copies = || HeaderValue::Array(vec![audit.into()]);
    let changes: [&dyn Fn(&mut Message); 7] = [
        &|m| m.properties.user_id = Some(user.to_owned()),
        // Long enough to be consumed, far too short for the ladder and a dead-letter queue.
        &|m| m.properties.expiration = Some("2500".to_owned()),
        &|m| _ = m.headers.insert("CC", copies()),
        &|m| _ = m.headers.insert("BCC", copies()),
        &|m| m.properties.reply_to = Some("somebody".to_owned()),
        &|m| m.properties.delivery_mode = Some(1),
        &|m| _ = m.headers.insert("x-death", HeaderValue::Array(vec![death(audit)])),
    ];
    let all = |m: &mut Message| changes.iter().for_each(|change| change(m));
    let each = changes.iter().enumerate().map(|(n, change)| {
        let mut message = paid(format!("s{n}"));
        change(&mut message);
        message
    });
    let mut everything = paid("everything");
    all(&mut everything);
    each.chain([everything]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_acts_on_is_acted_on_once() {
    let Some(shop) = Shop::open().await else { return };
    shop.execute(EFFECTS).await;
    let audit = QueueSpec::new(format!("{}-audit", shop.queue));
    shop.broker.prepare(std::slice::from_ref(&audit)).await.expect("a queue for copies");
    let (repaired, configure) = (Repaired::default(), shop.on_its_queue());
    let policy = RetryPolicy::never().ladder([300, 400].map(Duration::from_millis));
    let app = App::new()
        .state(repaired.clone())
        .register_with::<strange>(move |c| configure(c).retry(policy.clone()));
    let store = shop.store().await;
    let running = shop.run(store.clone(), app).await;

    let user = shop.amqp.split("//").nth(1).and_then(|rest| rest.split(':').next()).expect("a user");
    let strange = messages(&audit.name, user);
    let count = strange.len() as u64;
    shop.publish(strange).await;
    // Those with CC or BCC were copied when they were published, each once to a queue, and never again.
    // One of them expires there, which is what its publisher wanted, and goes to the queue's own dead letters.
    let copied = async || shop.depth(&audit.name).await + shop.depth(&audit.dead_letter).await;
    let copies = async || copied().await == 3;
    wait::until("the copies of the publisher's own", PATIENCE, copies).await;
    let dead = async || shop.dead().await == count;
    wait::until("every message is dead", PATIENCE, dead).await;
    // Longer than any of them may live: the dead-letter queue keeps them.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(shop.dead().await, count, "a dead letter has expired");

    repaired.0.store(true, Ordering::SeqCst);
    let letters = DeadLetters::new(store, shop.broker.clone(), format!("{}.dlq", shop.queue));
    let redriven = letters.redrive(&LetterFilter::default(), &Redrive::default()).await.expect("a redrive");
    assert_eq!(redriven.redriven, count, "{redriven:?}");
    shop.reaches(count as i64).await;
    drained(&shop, &[shop.queue.clone(), format!("{}.dlq", shop.queue)]).await;
    assert_eq!(copied().await, 3, "a copy of ours went to somebody else");
    running.stop().await;
}
