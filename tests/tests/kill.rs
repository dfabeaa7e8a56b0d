//! kill -9, again and again, while messages with duplicates flow.

use std::time::Duration;

use consumer_tests::{
    backend::Backend,
    ledger::{Mark, Reader},
    scene::Scene,
    seed,
    traffic::Traffic,
    victim::Victim,
    wait,
};

/// Kills that count, for each database.
const KILLS: usize = 50;
/// Kills in all.
const MOST_KILLS: usize = 4 * KILLS;
/// Confirmed events that wait whenever somebody is killed.
const BACKLOG: usize = 150;
/// A victim does at most so many units before it is killed.
const MOST_UNITS: usize = 24;
/// How long a handler works: long beside the time it takes to kill it.
const WORK_MS: u64 = 8;
/// How long a victim may take to the unit that it dies in.
const AT_WORK: Duration = Duration::from_secs(30);
/// Two consumers of each event: both take effect.
const CONSUMERS: [&str; 2] = ["first", "second"];

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_units_on_postgres() {
    killed_in_the_middle_of_units(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_units_on_mysql() {
    killed_in_the_middle_of_units(Backend::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_units_on_sqlite() {
    killed_in_the_middle_of_units(Backend::Sqlite).await;
}

/// What the kills have hit.
#[derive(Debug, Default)]
struct Toll {
    kills: usize,
    with_an_open_unit: usize,
    open_units: usize,
}

async fn killed_in_the_middle_of_units(backend: Backend) {
    let Some(mut scene) = Scene::open(backend, env!("CARGO_BIN_EXE_victim"), &CONSUMERS).await else {
        return;
    };
    scene.task.work_ms = WORK_MS;
    let mut dice = seed::dice(&format!("kill -9 on {backend}"));
    let first = scene.ready().await;
    scene.drain(first).await;
    let traffic = Traffic::start(scene.publisher.clone(), scene.ledger(), CONSUMERS[1], BACKLOG, dice.fork());
    let mut ledger = scene.ledger();
    let mut toll = Toll::default();
    while toll.with_an_open_unit < KILLS && toll.kills < MOST_KILLS {
        let mut victim = scene.start(None);
        let units = dice.usize(1..=MOST_UNITS);
        at_work(&mut victim, &mut ledger, units).await;
        tokio::time::sleep(Duration::from_micros(dice.u64(..3_000))).await;
        let backlog = traffic.confirmed().await.saturating_sub(ledger.ended(CONSUMERS[1]));
        victim.kill();
        toll.add(ledger.open_units(victim.pid()));
        assert!(backlog > 0, "nothing waited when the victim was killed");
    }
    let published = traffic.stop().await;
    let heir = scene.ready().await;
    scene.drain(heir).await;

    let verdict = scene.verdict(&published).await;
    let sightings = scene.proxy.sightings();
    println!(
        "kill -9 on {backend}: kills {}, with an open unit {} ({} units), deliveries {}, redelivered {}, {verdict}, \
         3/N bound {:.3}",
        toll.kills,
        toll.with_an_open_unit,
        toll.open_units,
        sightings.deliveries,
        sightings.redelivered,
        3.0 / toll.with_an_open_unit as f64,
    );
    assert!(toll.with_an_open_unit >= KILLS, "only {toll:?} held an open unit");
    assert!(sightings.redelivered > 0 && verdict.suppressed() > 0, "no duplicate came");
    sightings.assert_clean();
    verdict.assert_clean();
    verdict.assert_dead("", &[]);
    scene.close().await;
}

/// Waits until the victim has done so many units and has another one open.
async fn at_work(victim: &mut Victim, ledger: &mut Reader, units: usize) {
    let pid = victim.pid();
    wait::until("the victim is at work", AT_WORK, async || {
        assert!(victim.is_alive(), "the victim died on its own: {}", victim.said());
        ledger.count(pid, Mark::End) >= units && ledger.open_units(pid) > 0
    })
    .await;
}

impl Toll {
    fn add(&mut self, open_units: usize) {
        self.kills += 1;
        self.with_an_open_unit += usize::from(open_units > 0);
        self.open_units += open_units;
    }
}
