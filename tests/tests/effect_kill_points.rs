//! A crash at each point of an effect: its provider sees one charge for each key, with the same bytes at every call.

use std::{os::unix::process::ExitStatusExt, time::Duration};

use consumer_tests::{
    backend::Backend, event::Paid, gateway::Gateway, scene::Scene, seed, traffic::uuid, verdict::Published,
    wait,
};
use futures_util::future::join_all;
use rustix::process::Signal;

/// Events of one run, each published twice.
const EVENTS: usize = 6;
const DEATH: Duration = Duration::from_secs(60);
/// Long enough for a lease to run out on a busy machine.
const CATCH_UP: Duration = Duration::from_secs(60);

/// Consumers, and the effect that the first of them wants.
struct Charging {
    consumers: &'static [&'static str],
    effect: &'static str,
}

impl Charging {
    /// How many events its consumers publish.
    fn tells(&self) -> i64 {
        if self.consumers.contains(&"audited") { EVENTS as i64 } else { 0 }
    }
}

/// After its commit; `audited` takes what it publishes.
const AFTER: Charging = Charging { consumers: &["billed", "audited"], effect: "charge" };
/// Before its transaction.
const BEFORE: Charging = Charging { consumers: &["settled"], effect: "settle" };

#[tokio::test(flavor = "multi_thread")]
async fn crash_after_the_intent_is_committed_before_it_is_started() {
    // One wake may stand for several commits: the first one is sure to come.
    crash_at("K12-planned", 1, &[AFTER]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_after_an_effect_is_started_before_it_is_called() {
    crash_at("K12-started", 3, &[AFTER, BEFORE]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_after_an_effect_is_called_before_it_is_recorded() {
    crash_at("K12-called", 3, &[AFTER, BEFORE]).await;
}

async fn crash_at(point: &str, hit: u32, kinds: &[Charging]) {
    if !cfg!(consumer_faults) {
        println!("skipped: this build has no kill points; `cargo xtask test` compiles them in");
        return;
    }
    // Most of it is waiting for a lease to run out.
    let on_each = Backend::ALL.map(async |backend| {
        for charging in kinds {
            crash(point, hit, charging, backend).await;
        }
    });
    join_all(on_each).await;
}

async fn crash(point: &str, hit: u32, charging: &Charging, backend: Backend) {
    let program = env!("CARGO_BIN_EXE_victim");
    let Some(mut scene) = Scene::open(backend, program, charging.consumers).await else { return };
    let mut dice = seed::dice(&format!("{point} of {} on {backend}", charging.effect));
    let gateway = Gateway::open(0, dice.fork()).await;
    scene.task.gateway = Some(gateway.url());
    // The first victim makes the queue, so that the next one finds its events there.
    let first = scene.ready().await;
    scene.drain(first).await;
    let mut events: Vec<Paid> = (0..EVENTS).map(|_| Paid::new(uuid(&mut dice))).collect();
    events.extend(events.clone());
    let mut published = Published::default();
    scene.publisher.publish(&events).await;
    published.add(events);

    let mut victim = scene.start(Some(&format!("{point}:{hit}")));
    let status = victim.ended(DEATH).await;
    let said = victim.said();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{point} was not hit: {said}");
    assert!(said.contains(&format!("killed at {point}")), "{said}");
    assert_ne!(scene.auditor.unfinished_effects().await, 0, "the crash left nothing to repair");

    let heir = scene.ready().await;
    wait::until("every effect is done and every event is sent", CATCH_UP, async || {
        gateway.books().charged(charging.effect) == published.ids
            && scene.auditor.unfinished_effects().await == 0
            && scene.auditor.unsent_events().await == 0
    })
    .await;
    scene.drain(heir).await;
    let (verdict, books) = (scene.verdict(&published).await, gateway.books());
    println!("{point} of {} on {backend}: {books}, {verdict}", charging.effect);
    verdict.assert_clean();
    books.assert_clean();
    assert_eq!(books.charged(charging.effect), published.ids, "I7: one charge for each event");
    assert_eq!(scene.auditor.published_events().await, charging.tells(), "I4: one event for each commit");
    if point == "K12-called" {
        assert_ne!(books.repeated(), 0, "the call that was killed is repeated, under its key");
    }
    scene.close().await;
}
