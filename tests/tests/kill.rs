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

/// Two consumers of each event, which both take effect, and how they are killed on each database.
struct Massacre {
    consumers: [&'static str; 2],
    workers: usize,
    /// Kills that count.
    kills: usize,
    /// Confirmed events that wait whenever somebody is killed.
    backlog: usize,
    /// A victim calls handlers at most so often before it is killed.
    most_calls: usize,
    /// How long a handler works: long beside the time it takes to kill it.
    work_ms: u64,
    /// Calls that a kill undoes, on the average: in batches more than there are workers to be killed.
    least_undone: usize,
}

const ONE_BY_ONE: Massacre = Massacre {
    consumers: ["first", "second"],
    workers: 6,
    kills: 50,
    backlog: 150,
    most_calls: 24,
    work_ms: 8,
    least_undone: 0,
};
/// What a victim has in hand comes again one by one: its heir gets to batches only after that.
const IN_BATCHES: Massacre = Massacre {
    consumers: ["batched", "bulk"],
    workers: 2,
    kills: 10,
    backlog: 250,
    most_calls: 400,
    work_ms: 1,
    least_undone: 3,
};
/// How long a victim may take to the unit that it dies in.
const AT_WORK: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_units_on_postgres() {
    killed(&ONE_BY_ONE, Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_batches_on_postgres() {
    killed(&IN_BATCHES, Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_units_on_mysql() {
    killed(&ONE_BY_ONE, Backend::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_batches_on_mysql() {
    killed(&IN_BATCHES, Backend::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_units_on_sqlite() {
    killed(&ONE_BY_ONE, Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_batches_on_sqlite() {
    killed(&IN_BATCHES, Backend::Sqlite).await;
}

/// What the kills have hit.
#[derive(Debug, Default)]
struct Toll {
    kills: usize,
    with_an_open_unit: usize,
    open_units: usize,
}

async fn killed(massacre: &Massacre, backend: Backend) {
    let Massacre { consumers, kills, backlog, .. } = *massacre;
    let slowest = consumers[1];
    let Some(mut scene) = Scene::open(backend, env!("CARGO_BIN_EXE_victim"), &consumers).await else {
        return;
    };
    (scene.task.workers, scene.task.work_ms) = (massacre.workers, massacre.work_ms);
    let mut dice = seed::dice(&format!("kill -9 of {consumers:?} on {backend}"));
    let first = scene.ready().await;
    scene.drain(first).await;
    let traffic = Traffic::start(scene.publisher.clone(), scene.ledger(), slowest, backlog, dice.fork());
    let mut ledger = scene.ledger();
    let mut toll = Toll::default();
    while toll.with_an_open_unit < kills && toll.kills < 4 * kills {
        let mut victim = scene.start(None);
        let calls = dice.usize(1..=massacre.most_calls);
        at_work(&mut victim, &mut ledger, calls).await;
        tokio::time::sleep(Duration::from_micros(dice.u64(..3_000))).await;
        let waiting = traffic.confirmed().await.saturating_sub(ledger.ended(slowest));
        victim.kill();
        toll.add(ledger.open_units(victim.pid()));
        assert!(waiting > 0, "nothing waited when the victim was killed");
    }
    let published = traffic.stop().await;
    let heir = scene.ready().await;
    scene.drain(heir).await;

    let verdict = scene.verdict(&published).await;
    let sightings = scene.proxy.sightings();
    let undone = ledger.starts().values().sum::<usize>() - verdict.effects() as usize;
    println!(
        "kill -9 of {consumers:?} on {backend}: kills {}, with an open unit {} ({} calls), undone {undone} calls, \
         deliveries {}, redelivered {}, {verdict}, \
         3/N bound {:.3}",
        toll.kills,
        toll.with_an_open_unit,
        toll.open_units,
        sightings.deliveries,
        sightings.redelivered,
        3.0 / toll.with_an_open_unit as f64,
    );
    assert!(toll.with_an_open_unit >= kills, "only {toll:?} held an open unit");
    assert!(undone >= massacre.least_undone * toll.kills, "no batch was hit: {undone} calls undone");
    assert!(sightings.redelivered > 0 && verdict.suppressed() > 0, "no duplicate came");
    sightings.assert_clean();
    verdict.assert_clean();
    verdict.assert_dead("", &[]);
    scene.close().await;
}

/// Waits until the victim has called handlers so often and has another one open.
async fn at_work(victim: &mut Victim, ledger: &mut Reader, calls: usize) {
    let pid = victim.pid();
    wait::until("the victim is at work", AT_WORK, async || {
        assert!(victim.is_alive(), "the victim died on its own: {}", victim.said());
        ledger.count(pid, Mark::End) >= calls && ledger.open_units(pid) > 0
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
