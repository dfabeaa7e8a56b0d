//! A consumer that is stopped, not dead: its claim frees itself, and when it goes on it does no harm.

use std::time::{Duration, Instant};

use consumer_tests::{
    backend::Backend, endpoint::with_parameter, event::Paid, ledger::Mark, scene::Scene, seed, traffic::uuid,
    verdict::Published, wait,
};
use rustix::process::Signal;

/// RabbitMQ takes a consumer for dead after two heartbeats of silence.
const HEARTBEAT: &str = "heartbeat=1";
/// How long the stopped handler works: less than its timeout of two seconds, more than it takes to stop it.
const WORK_MS: u64 = 900;
/// How long the heir's handler works.
const SHORT_WORK_MS: u64 = 2;
/// The handler's timeout, the runtime's grace and what servers add to it, with room for a busy machine.
const LIMIT: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn claim_of_a_stopped_process_frees_itself_on_postgres() {
    claim_of_a_stopped_process_frees_itself(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_of_a_stopped_process_frees_itself_on_mysql() {
    claim_of_a_stopped_process_frees_itself(Backend::MySql).await;
}

async fn claim_of_a_stopped_process_frees_itself(backend: Backend) {
    let Some(mut scene) = Scene::open(backend, env!("CARGO_BIN_EXE_victim"), &["brief"]).await else {
        return;
    };
    let mut dice = seed::dice(&format!("SIGSTOP on {backend}"));
    let mut published = Published::default();
    scene.task.amqp = with_parameter(&scene.task.amqp, HEARTBEAT);
    scene.task.work_ms = WORK_MS;
    let zombie = scene.ready().await;
    let event = [Paid::new(uuid(&mut dice))];
    scene.publisher.publish(&event).await;
    published.add(event.clone());
    let (mut ledger, auditor) = (scene.ledger(), &mut scene.auditor);
    wait::until("a unit is open", LIMIT, async || ledger.open_units(zombie.pid()) > 0).await;
    zombie.signal(Signal::STOP);
    wait::until("the process is stopped", LIMIT, async || zombie.is_stopped()).await;
    let stopped = Instant::now();
    assert_eq!(ledger.open_units(zombie.pid()), 1, "it was stopped too late to hold a claim");
    wait::until("its transaction is open", LIMIT, async || auditor.open_transactions().await == 1).await;

    scene.task.work_ms = SHORT_WORK_MS;
    let mut heir = scene.ready().await;
    let auditor = &mut scene.auditor;
    wait::until("the heir applies the event", LIMIT, async || !auditor.effects().await.is_empty()).await;
    let freed = stopped.elapsed();
    assert!(zombie.is_stopped(), "the claim must free itself while its holder is stopped");
    assert_eq!(ledger.count(heir.pid(), Mark::End), 1, "the heir has applied it");

    zombie.signal(Signal::CONT);
    wait::until("the zombie's handler ends", LIMIT, async || ledger.open_units(zombie.pid()) == 0).await;
    // Alone again, it has to reconnect, to know the event for a duplicate, and to go on.
    heir.stop(LIMIT).await;
    let more = [event[0].clone(), Paid::new(uuid(&mut dice)), event[0].clone()];
    scene.publisher.publish(&more).await;
    published.add(more);
    scene.drain(zombie).await;

    let verdict = scene.verdict(&published).await;
    let sightings = scene.proxy.sightings();
    println!(
        "SIGSTOP on {backend}: the claim was free after {:.1} s, redelivered {}, {verdict}",
        freed.as_secs_f32(),
        sightings.redelivered
    );
    assert!(sightings.redelivered > 0, "the stopped process kept its delivery");
    sightings.assert_clean();
    verdict.assert_clean();
    verdict.assert_dead("", &[]);
    assert_eq!(verdict.effects(), 2);
    scene.close().await;
}
