//! Poison: one event that fails, or that kills its process, among thousands that do not.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use consumer::{
    App,
    prelude::*,
    retry::RetryPolicy,
    sqlx::{self, PgConnection},
};
use consumer_tests::{
    backend::Backend, business::Business, event::Paid, scene::Scene, seed, traffic::uuid, verdict::Published,
};

use super::{EFFECTS, Shop, number, of, paid};

const RUNG: Duration = Duration::from_millis(300);
const POISON: &str = "poison";
/// Of the process that runs the fatal one: at first nobody knows, then it is one of a crowd, then it is alone seven times.
const DEATHS: usize = 9;

#[derive(Clone, Default)]
struct Runs(Arc<Mutex<HashMap<String, u32>>>);

#[derive(Debug, thiserror::Error, Classify)]
enum Trouble {
    #[error("the database refuses")]
    Database(#[from] sqlx::Error),
    #[error("never works")]
    #[classify(transient)]
    Poisoned,
}

#[consumer(name = "poison")]
async fn swallow(event: Paid, conn: &mut PgConnection, State(runs): State<Runs>) -> Result<(), Trouble> {
    *runs.0.lock().expect("no panic inside").entry(event.payment.clone()).or_default() += 1;
    match event.payment.as_str() {
        POISON => Err(Trouble::Poisoned),
        payment => Ok(conn.take_effect("poison", payment).await?),
    }
}

async fn one_that_fails(prefetch: u16) {
    let Some(shop) = Shop::open().await else { return };
    let good = number("CONSUMER_TEST_POISON_GOOD", 1_000);
    shop.execute(EFFECTS).await;
    let (runs, configure) = (Runs::default(), shop.on_its_queue());
    let policy = RetryPolicy::default().waits(RUNG / 10, RUNG).ladder([RUNG]);
    let app = App::new().state(runs.clone()).register_with::<swallow>(move |c| {
        configure(c).prefetch(prefetch).concurrency(usize::from(prefetch).min(8)).retry(policy.clone())
    });
    let running = shop.run(shop.store().await, app).await;
    let (before, after) = (0..good / 2, good / 2..good);
    let poison = of(&Paid::new(POISON));
    shop.publish(before.map(paid).chain([poison]).chain(after.map(paid))).await;
    shop.reaches(good as i64).await;
    consumer_tests::wait::until("its dead letter", super::PATIENCE, async || shop.dead().await > 0).await;
    running.stop().await;

    let letters = shop.take(&format!("{}.dlq", shop.queue)).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].properties.message_id.as_deref(), Some(POISON));
    assert_eq!(letters[0].headers.get("x-consumer-attempts"), Some(&6.into()), "three at once, twice");
    let mut runs = runs.0.lock().expect("no panic inside").clone();
    assert_eq!(runs.remove(POISON), Some(6));
    let most = runs.values().max().copied();
    println!("prefetch {prefetch}: one poison among {good}, a good message ran {most:?} times at the most");
    assert_eq!(most, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_at_prefetch_1() {
    one_that_fails(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_at_prefetch_10() {
    one_that_fails(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_at_prefetch_300() {
    one_that_fails(300).await;
}

/// Only the one that kills is dead, and the broker had no part in it.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_kills_its_process() {
    for backend in Backend::ALL {
        one_that_kills(backend).await;
    }
}

async fn one_that_kills(backend: Backend) {
    let Some(mut scene) = Scene::open(backend, env!("CARGO_BIN_EXE_victim"), &["first"]).await else {
        return;
    };
    scene.task.work_ms = 1;
    let first = scene.ready().await;
    scene.drain(first).await;
    let mut dice = seed::dice(&format!("one that kills on {backend}"));
    let good = number("CONSUMER_TEST_POISON_GOOD", 1_000);
    let mut events: Vec<Paid> = (0..good).map(|_| Paid::new(uuid(&mut dice))).collect();
    events.insert(good / 2, Paid { fatal: true, ..Paid::new(POISON) });
    scene.publisher.publish(&events).await;
    let mut published = Published::default();
    published.add(events);

    let deaths = scene.survive(3 * DEATHS).await;
    let verdict = scene.verdict(&published).await;
    let mut starts = scene.ledger().starts().clone();
    let killed = starts.remove(POISON).unwrap_or(0);
    let most = starts.values().max().copied().unwrap_or(0);
    let again = starts.values().filter(|times| **times > 1).count();
    println!(
        "{backend}: {deaths} processes died of one message among {good}; {again} good ones were begun more than once, {most} times \
         at the most, {verdict}"
    );
    assert_eq!((deaths, killed), (DEATHS, DEATHS));
    verdict.assert_dead("first", &[POISON]);
    verdict.assert_clean();
    assert!(most <= 3, "a good message ran {most} times");
    scene.close().await;
}
