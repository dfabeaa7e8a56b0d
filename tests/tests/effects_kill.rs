//! kill -9, again and again, while a gateway is called that fails one time in five.

use std::time::Duration;

use consumer_tests::{
    backend::Backend,
    gateway::Gateway,
    ledger::{Mark, Reader},
    scene::Scene,
    seed,
    traffic::Traffic,
    victim::Victim,
    wait,
};

/// Kills that count, for each database, unless `CONSUMER_TEST_KILLS` says otherwise.
const KILLS: usize = 20;
/// Kills in all, for each that counts.
const MOST_KILLS: usize = 4;
/// Payments of a run, unless `CONSUMER_TEST_PAYMENTS` says otherwise.
const PAYMENTS: usize = 600;
/// Confirmed events that wait whenever somebody is killed.
const BACKLOG: usize = 150;
/// How many out of a hundred calls the gateway fails.
const FAULTS: u32 = 20;
/// How long a handler works: long beside the time it takes to kill it.
const WORK_MS: u64 = 2;
/// How long a victim may take to the unit that it dies in.
const AT_WORK: Duration = Duration::from_secs(60);
/// How long nothing may happen while something is left: the gateway's `Retry-After`, leases of the dead, waits between
/// attempts.
const STANDSTILL: Duration = Duration::from_secs(90);
/// Processes that finish what the killed ones left, one after the other.
const HEIRS: usize = 5;
/// `billed` charges after its commit and tells `audited`; `settled` charges before its transaction.
const CONSUMERS: [&str; 3] = ["billed", "settled", "audited"];

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_gateway_is_called_on_postgres() {
    killed_while_the_gateway_is_called(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_gateway_is_called_on_mysql() {
    killed_while_the_gateway_is_called(Backend::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_gateway_is_called_on_sqlite() {
    killed_while_the_gateway_is_called(Backend::Sqlite).await;
}

/// What the kills have hit.
#[derive(Debug, Default)]
struct Toll {
    kills: usize,
    with_open_work: usize,
}

async fn killed_while_the_gateway_is_called(backend: Backend) {
    let Some(mut scene) = Scene::open(backend, env!("CARGO_BIN_EXE_victim"), &CONSUMERS).await else {
        return;
    };
    let mut dice = seed::dice(&format!("kill -9 around effects on {backend}"));
    let gateway = Gateway::open(FAULTS, dice.fork()).await;
    scene.task.gateway = Some(gateway.url());
    scene.task.work_ms = WORK_MS;
    let first = scene.ready().await;
    scene.drain(first).await;
    let traffic = Traffic::start(scene.publisher.clone(), scene.ledger(), "billed", BACKLOG, dice.fork());
    let mut ledger = scene.ledger();
    let mut toll = Toll::default();
    let (kills, payments) = (number("KILLS", KILLS), number("PAYMENTS", PAYMENTS));
    let between = payments.div_ceil(kills);
    while (toll.with_open_work < kills || ledger.ended("billed") < payments)
        && toll.kills < MOST_KILLS * kills
    {
        let mut victim = scene.start(None);
        let goal = ledger.ended("billed") + dice.usize(between / 2..=between + between / 2);
        at_work(&mut victim, &mut ledger, goal).await;
        tokio::time::sleep(Duration::from_micros(dice.u64(..3_000))).await;
        victim.kill();
        toll.kills += 1;
        toll.with_open_work += usize::from(ledger.open_units(victim.pid()) > 0);
    }
    let published = traffic.stop().await;
    see_all_through(&mut scene, &mut ledger, published.ids.len()).await;

    let verdict = scene.verdict(&published).await;
    let books = gateway.books();
    println!(
        "kill -9 around effects on {backend}: kills {}, with open work {}, {books}, {verdict}, 3/N bound {:.3}",
        toll.kills,
        toll.with_open_work,
        3.0 / toll.with_open_work as f64,
    );
    assert!(toll.with_open_work >= kills, "only {toll:?} held open work");
    assert!(published.ids.len() >= payments, "too few payments");
    assert_eq!(books.faults().len(), 5, "a fault never struck: {:?}", books.faults());
    verdict.assert_clean();
    verdict.assert_dead("", &[]);
    books.assert_clean();
    assert_eq!(
        scene.auditor.published_events().await,
        published.ids.len() as i64,
        "I4: one event for each payment"
    );
    for account in ["charge", "settle"] {
        assert_eq!(books.charged(account), published.ids, "{account}: one charge for each payment");
    }
    scene.close().await;
}

/// Has heirs work until nothing is left with nobody at work: what a handler had ended was not committed yet, and what commits last
/// schedules an effect, which publishes an event.
async fn see_all_through(scene: &mut Scene, ledger: &mut Reader, payments: usize) {
    for _ in 0..HEIRS {
        let heir = scene.ready().await;
        settled(scene, ledger, payments).await;
        scene.drain(heir).await;
        if open(scene).await == 0 {
            return;
        }
    }
    panic!("something is left whenever an heir stops");
}

/// Effects that are not done, and events that are not sent.
async fn open(scene: &mut Scene) -> usize {
    let open = scene.auditor.unfinished_effects().await + scene.auditor.unsent_events().await;
    open.unsigned_abs() as usize
}

/// Waits until every payment is billed, every effect is done and every event is sent, for as long as there is progress.
async fn settled(scene: &mut Scene, ledger: &mut Reader, payments: usize) {
    let mut left = usize::MAX;
    while left > 0 {
        let before = left;
        wait::until("something moves on while something is left", STANDSTILL, async || {
            left = open(scene).await + payments.saturating_sub(ledger.ended("billed"));
            left < before
        })
        .await;
    }
}

/// What somebody wants instead.
fn number(name: &str, usual: usize) -> usize {
    std::env::var(format!("CONSUMER_TEST_{name}")).map_or(usual, |text| text.parse().expect("a number"))
}

/// Waits until the victims have done so much, and this one has a unit or a call open.
async fn at_work(victim: &mut Victim, ledger: &mut Reader, goal: usize) {
    let pid = victim.pid();
    wait::until("the victim is at work", AT_WORK, async || {
        assert!(victim.is_alive(), "the victim died on its own: {}", victim.said());
        ledger.ended("billed") >= goal && ledger.count(pid, Mark::Start) > 0 && ledger.open_units(pid) > 0
    })
    .await;
}
