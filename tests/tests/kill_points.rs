//! A crash at each point of a delivery: the event takes effect once, whatever was done by then.

use std::{os::unix::process::ExitStatusExt, time::Duration};

use consumer_tests::{backend::Backend, event::Paid, scene::Scene, seed, traffic::uuid, verdict::Published};
use rustix::process::Signal;

/// Who dies, and how far it gets.
struct Crowd {
    consumers: &'static [&'static str],
    /// Events of one run: some are through, some are waiting and some are in work when the process dies.
    events: usize,
    workers: usize,
    work_ms: u64,
    /// The point is hit this many times before it kills.
    hit: u32,
}

const ONE_BY_ONE: Crowd = Crowd { consumers: &["first"], events: 6, workers: 6, work_ms: 3, hit: 3 };
/// While the only worker is busy with what came first, the rest arrives: the second unit is a full batch, of events that are new.
const IN_BATCHES: Crowd =
    Crowd { consumers: &["batched", "bulk"], events: 70, workers: 1, work_ms: 2, hit: 2 };
/// Those whose handlers do not know of the batch.
const UNAWARE: Crowd = Crowd { consumers: &["batched"], ..IN_BATCHES };
/// The id of an event that no handler takes.
const DOOMED: &str = "doomed";
const DEATH: Duration = Duration::from_secs(60);

macro_rules! kill_points {
    ($crowd:ident: $($(#[$what:meta])* $name:ident => $point:literal,)*) => {
        $($(#[$what])*
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            crash_at($point, &$crowd).await;
        })*
    };
}

kill_points! {
    ONE_BY_ONE:
    crash_after_the_delivery_before_begin => "K1",
    crash_after_the_claim_before_the_handler => "K2",
    crash_inside_the_handler_after_its_first_write => "K3",
    crash_after_the_handler => "K4",
    crash_before_commit_is_sent => "K5",
    crash_while_the_reply_to_commit_is_on_its_way => "K6",
    crash_after_commit_before_ack => "K7",
}

kill_points! {
    IN_BATCHES:
    crash_in_a_batch_after_its_claims => "K2",
    crash_in_a_batch_after_its_handlers => "K4",
    crash_in_a_batch_before_commit_is_sent => "K5",
    crash_in_a_batch_while_the_reply_to_commit_is_on_its_way => "K6",
    crash_after_the_commit_of_a_batch_before_its_ack => "K7",
    crash_between_the_settlements_of_a_batch => "B2",
}

kill_points! {
    UNAWARE:
    crash_in_a_batch_after_its_first_handler => "B1",
}

/// The dead letter may be there twice, and its event never takes effect.
#[tokio::test(flavor = "multi_thread")]
async fn crash_after_the_dead_letter_before_its_ack() {
    if !has_kill_points() {
        return;
    }
    for backend in Backend::ALL {
        crash("first", "K14", &Crowd { hit: 1, ..ONE_BY_ONE }, backend).await;
    }
}

/// A copy waits on the ladder, and its original comes again: whichever is first takes effect.
#[tokio::test(flavor = "multi_thread")]
async fn crash_after_the_copy_on_the_ladder_before_its_ack() {
    if !has_kill_points() {
        return;
    }
    for backend in Backend::ALL {
        crash("patient", "K13", &ONE_BY_ONE, backend).await;
    }
}

async fn crash_at(point: &str, crowd: &Crowd) {
    if !has_kill_points() {
        return;
    }
    for backend in Backend::ALL {
        for consumer in crowd.consumers {
            crash(consumer, point, crowd, backend).await;
        }
    }
}

fn has_kill_points() -> bool {
    let has = cfg!(consumer_faults);
    if !has {
        println!("skipped: this build has no kill points; `cargo xtask test` compiles them in");
    }
    has
}

async fn crash(consumer: &str, point: &str, crowd: &Crowd, backend: Backend) {
    let Some(mut scene) = Scene::open(backend, env!("CARGO_BIN_EXE_victim"), &[consumer]).await else {
        return;
    };
    (scene.task.workers, scene.task.work_ms) = (crowd.workers, crowd.work_ms);
    let mut published = Published::default();
    // The first victim makes the queue, so that the next one finds its events there.
    let first = scene.ready().await;
    scene.drain(first).await;
    let mut dice = seed::dice(&format!("{point} of {consumer} on {backend}"));
    let mut events: Vec<Paid> =
        (0..crowd.events).map(|_| Paid { fails: 1, ..Paid::new(uuid(&mut dice)) }).collect();
    events.extend(events.clone());
    events.push(Paid { doomed: true, ..Paid::new(DOOMED) });
    scene.publisher.publish(&events).await;
    published.add(events);

    let mut victim = scene.start(Some(&format!("{point}:{}", crowd.hit)));
    let status = victim.ended(DEATH).await;
    let said = victim.said();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{point} was not hit: {said}");
    assert!(said.contains(&format!("killed at {point}")), "{said}");

    let begun = scene.ledger().starts().len();
    let undone = begun.saturating_sub(scene.auditor.claims().await.len());
    if crowd.workers == 1 && ["K4", "K5"].contains(&point) {
        assert!(undone > 1, "it was alone in its unit");
    }
    scene.task.workers = ONE_BY_ONE.workers;
    let heir = scene.ready().await;
    scene.drain(heir).await;
    let verdict = scene.verdict(&published).await;
    let sightings = scene.proxy.sightings();
    println!(
        "{point} of {consumer} on {backend}: undone {undone}, redelivered {}, {verdict}",
        sightings.redelivered
    );
    assert!(sightings.redelivered > 0, "nothing came again: the crash left nothing to repair");
    sightings.assert_clean();
    verdict.assert_clean();
    verdict.assert_dead(consumer, &[DOOMED]);
    assert_eq!(verdict.effects(), crowd.events as u64);
    scene.close().await;
}
