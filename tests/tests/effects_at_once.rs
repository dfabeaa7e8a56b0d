//! Sixty-four deliveries of one event at once, in several processes: one call.

use std::time::Duration;

use consumer_tests::{
    backend::Backend, event::Paid, gateway::Gateway, scene::Scene, seed, traffic::uuid, verdict::Published,
    wait,
};

const DELIVERIES: usize = 64;
const PROCESSES: usize = 4;
const ROUNDS: usize = 5;
/// How long a call takes: long enough for deliveries to come while it is made, far below what its caller waits.
const CALL: Duration = Duration::from_millis(100);
/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_deliveries_at_once_make_one_call_on_postgres() {
    one_call(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_deliveries_at_once_make_one_call_on_mysql() {
    one_call(Backend::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_deliveries_at_once_make_one_call_on_sqlite() {
    one_call(Backend::Sqlite).await;
}

async fn one_call(backend: Backend) {
    let Some(mut scene) = Scene::open(backend, env!("CARGO_BIN_EXE_victim"), &["settled"]).await else {
        return;
    };
    let mut dice = seed::dice(&format!("deliveries at once on {backend}"));
    let gateway = Gateway::open(0, dice.fork()).await;
    gateway.take(CALL);
    scene.task.gateway = Some(gateway.url());
    let mut victims = Vec::new();
    for _ in 0..PROCESSES {
        victims.push(scene.ready().await);
    }
    let mut published = Published::default();
    for round in 1..=ROUNDS {
        let event = Paid::new(uuid(&mut dice));
        let copies = vec![event; DELIVERIES];
        scene.publisher.publish(&copies).await;
        published.add(copies);
        let mut ledger = scene.ledger();
        wait::until("the event is processed", PATIENCE, async || ledger.ended("settled") >= round).await;
        assert_eq!(gateway.books().calls(), round as u64, "I7: one call for each event");
    }
    let last = victims.pop().expect("a victim");
    for mut victim in victims {
        victim.stop(PATIENCE).await;
    }
    scene.drain(last).await;
    let (verdict, books) = (scene.verdict(&published).await, gateway.books());
    println!("{DELIVERIES} deliveries in {PROCESSES} processes on {backend}: {books}, {verdict}");
    verdict.assert_clean();
    verdict.assert_dead("", &[]);
    books.assert_clean();
    assert_eq!((books.calls(), books.charged("settle")), (ROUNDS as u64, published.ids.clone()));
    scene.close().await;
}
