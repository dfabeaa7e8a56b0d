//! A crash at each point of a delivery: the event takes effect once, whatever was done by then.

use std::{os::unix::process::ExitStatusExt, time::Duration};

use consumer_tests::{backend::Backend, event::Paid, scene::Scene, seed, traffic::uuid, verdict::Published};
use rustix::process::Signal;

/// Events of one run: some are through, some are waiting and one is in work when the process dies.
const EVENTS: usize = 6;
/// The id of an event that no handler takes.
const DOOMED: &str = "doomed";
/// The point is hit this many times before it kills.
const HIT: u32 = 3;
const DEATH: Duration = Duration::from_secs(60);

macro_rules! kill_points {
    ($($(#[$what:meta])* $name:ident => $point:literal,)*) => {
        $($(#[$what])*
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            crash_at($point).await;
        })*
    };
}

kill_points! {
    crash_after_the_delivery_before_begin => "K1",
    crash_after_the_claim_before_the_handler => "K2",
    crash_inside_the_handler_after_its_first_write => "K3",
    crash_after_the_handler => "K4",
    crash_before_commit_is_sent => "K5",
    crash_while_the_reply_to_commit_is_on_its_way => "K6",
    crash_after_commit_before_ack => "K7",
}

/// The dead letter may be there twice, and its event never takes effect.
#[tokio::test(flavor = "multi_thread")]
async fn crash_after_the_dead_letter_before_its_ack() {
    if !has_kill_points() {
        return;
    }
    for backend in Backend::ALL {
        crash("K14", 1, backend).await;
    }
}

/// A copy waits on the ladder, and its original comes again: whichever is first takes effect.
#[tokio::test(flavor = "multi_thread")]
async fn crash_after_the_copy_on_the_ladder_before_its_ack() {
    if !has_kill_points() {
        return;
    }
    for backend in Backend::ALL {
        crash_of("patient", "K13", HIT, backend).await;
    }
}

async fn crash_at(point: &str) {
    if !has_kill_points() {
        return;
    }
    for backend in Backend::ALL {
        crash(point, HIT, backend).await;
    }
}

fn has_kill_points() -> bool {
    let has = cfg!(consumer_faults);
    if !has {
        println!("skipped: this build has no kill points; `cargo xtask test` compiles them in");
    }
    has
}

async fn crash(point: &str, hit: u32, backend: Backend) {
    crash_of("first", point, hit, backend).await;
}

async fn crash_of(consumer: &str, point: &str, hit: u32, backend: Backend) {
    let Some(mut scene) = Scene::open(backend, env!("CARGO_BIN_EXE_victim"), &[consumer]).await else {
        return;
    };
    let mut published = Published::default();
    // The first victim makes the queue, so that the next one finds its events there.
    let first = scene.ready().await;
    scene.drain(first).await;
    let mut dice = seed::dice(&format!("{point} on {backend}"));
    let mut events: Vec<Paid> =
        (0..EVENTS).map(|_| Paid { fails: 1, ..Paid::new(uuid(&mut dice)) }).collect();
    events.extend(events.clone());
    events.push(Paid { doomed: true, ..Paid::new(DOOMED) });
    scene.publisher.publish(&events).await;
    published.add(events);

    let mut victim = scene.start(Some(&format!("{point}:{hit}")));
    let status = victim.ended(DEATH).await;
    let said = victim.said();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{point} was not hit: {said}");
    assert!(said.contains(&format!("killed at {point}")), "{said}");

    let heir = scene.ready().await;
    scene.drain(heir).await;
    let verdict = scene.verdict(&published).await;
    let sightings = scene.proxy.sightings();
    println!("{point} on {backend}: redelivered {}, {verdict}", sightings.redelivered);
    assert!(sightings.redelivered > 0, "nothing came again: the crash left nothing to repair");
    sightings.assert_clean();
    verdict.assert_clean();
    verdict.assert_dead(consumer, &[DOOMED]);
    assert_eq!(verdict.effects(), EVENTS as u64);
    scene.close().await;
}
