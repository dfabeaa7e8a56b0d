//! COMMIT's request or its reply is lost on the wire: the claim decides, and the event takes effect once.

use std::time::Duration;

use consumer_tests::{
    backend::Backend,
    event::Paid,
    proxy::database::{DatabaseProxy, Eat},
    scene::Scene,
    seed,
    traffic::uuid,
    verdict::Published,
    wait,
};

/// COMMITs that are lost, for each database.
const LOST: usize = 24;
/// COMMITs that pass before each of them.
const BETWEEN: usize = 2;
/// How long that may take.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn reply_to_commit_is_lost_on_postgres() {
    commit_is_lost(Backend::Postgres, Eat::Reply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reply_to_commit_is_lost_on_mysql() {
    commit_is_lost(Backend::MySql, Eat::Reply).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_to_commit_is_lost_on_postgres() {
    commit_is_lost(Backend::Postgres, Eat::Request).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_to_commit_is_lost_on_mysql() {
    commit_is_lost(Backend::MySql, Eat::Request).await;
}

async fn commit_is_lost(backend: Backend, eat: Eat) {
    let Some(mut scene) = Scene::open(backend, env!("CARGO_BIN_EXE_victim"), &["first"]).await else {
        return;
    };
    let proxy = DatabaseProxy::start(backend, scene.database_url()).await;
    scene.task.database = proxy.url();
    let mut dice = seed::dice(&format!("{eat:?} of COMMIT on {backend}"));
    let victim = scene.ready().await;
    proxy.order(eat, LOST, BETWEEN);

    let mut published = Published::default();
    wait::until("every COMMIT that was to be lost is lost", LIMIT, async || {
        let events: Vec<Paid> = (0..BETWEEN * 4).map(|_| Paid::new(uuid(&mut dice))).collect();
        scene.publisher.publish(&events).await;
        published.add(events);
        proxy.eaten() >= LOST as u64
    })
    .await;
    scene.drain(victim).await;

    let verdict = scene.verdict(&published).await;
    let sightings = scene.proxy.sightings();
    println!(
        "{eat:?} of COMMIT on {backend}: lost {} of {} COMMITs, deliveries {}, redelivered {}, {verdict}",
        proxy.eaten(),
        proxy.commits(),
        sightings.deliveries,
        sightings.redelivered,
    );
    sightings.assert_clean();
    verdict.assert_clean();
    verdict.assert_dead("", &[]);
    assert_eq!(verdict.effects(), published.ids.len() as u64);
    scene.close().await;
}
