//! Sixty-four deliveries of one event at once: one effect, whoever wins.

use consumer_sqlx::{mysql::MySqlStore, postgres::PgStore, sqlite::SqliteStore};
use consumer_tests::{
    auditor::Auditor,
    backend::Backend,
    database::Database,
    race::{self, Arena, Contest, Racing, Tally},
    victim::{Task, Victim},
};

const SESSIONS: u32 = 64;
const PROCESSES: u32 = 4;
/// Rounds of a race, unless `CONSUMER_TEST_ROUNDS` says otherwise.
const ROUNDS: u32 = 200;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_sessions_of_one_process_on_postgres() {
    in_one_process::<PgStore>(Backend::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_sessions_of_one_process_on_mysql() {
    in_one_process::<MySqlStore>(Backend::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_sessions_of_one_process_on_sqlite() {
    in_one_process::<SqliteStore>(Backend::Sqlite).await;
}

#[tokio::test]
async fn sixty_four_sessions_of_four_processes_on_postgres() {
    across_processes(Backend::Postgres).await;
}

#[tokio::test]
async fn sixty_four_sessions_of_four_processes_on_mysql() {
    across_processes(Backend::MySql).await;
}

#[tokio::test]
async fn sixty_four_sessions_of_four_processes_on_sqlite() {
    across_processes(Backend::Sqlite).await;
}

async fn in_one_process<S: Arena>(backend: Backend) {
    let Some((database, auditor)) = stadium(backend).await else { return };
    let mut contest = Contest::<S>::enter(&racing(backend, &database, SESSIONS, 0)).await;
    let mut tally = Tally::default();
    for number in 0..rounds() {
        tally += contest.round(number, async {}).await;
        tally.close();
    }
    judge(&format!("{backend}, 1 process"), &tally, auditor).await;
}

async fn across_processes(backend: Backend) {
    let Some((database, auditor)) = stadium(backend).await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let each = SESSIONS / PROCESSES;
    let enter = |number| {
        let task = Task::Race(racing(backend, &database, each, number * each));
        let mut victim = Victim::start(env!("CARGO_BIN_EXE_victim"), &task, folder.path(), None);
        assert_eq!(victim.hear(), "entered");
        victim
    };
    let mut teams: Vec<Victim> = (0..PROCESSES).map(enter).collect();
    let mut tally = Tally::default();
    for number in 0..rounds() {
        teams.iter_mut().for_each(|team| team.tell(&number.to_string()));
        teams.iter_mut().for_each(|team| assert_eq!(team.hear(), "ready"));
        teams.iter_mut().for_each(|team| team.tell("go"));
        for team in &mut teams {
            tally += serde_json::from_str(&team.hear()).expect("a tally");
        }
        tally.close();
    }
    judge(&format!("{backend}, {PROCESSES} processes"), &tally, auditor).await;
}

fn rounds() -> u32 {
    std::env::var("CONSUMER_TEST_ROUNDS").map_or(ROUNDS, |text| text.parse().expect("a number"))
}

async fn stadium(backend: Backend) -> Option<(Database, Auditor)> {
    let database = backend.database().await?;
    let mut auditor = Auditor::connect(backend, database.url()).await;
    auditor.create_business().await;
    Some((database, auditor))
}

fn racing(backend: Backend, database: &Database, sessions: u32, first: u32) -> Racing {
    Racing { backend, database: database.url().to_owned(), sessions, first }
}

async fn judge(race: &str, tally: &Tally, mut auditor: Auditor) {
    let rounds = rounds();
    println!("{race}: {SESSIONS} sessions, {rounds} rounds: {tally}");
    let effects = auditor.effects().await;
    for number in 0..rounds {
        let times = effects.get(&(race::CONSUMER.to_owned(), race::id(number)));
        assert_eq!(times, Some(&1), "effects of round {number}");
    }
    assert_eq!(auditor.claims().await.len(), rounds as usize);
    assert_eq!(tally.done, u64::from(rounds));
    assert_eq!(tally.taken, u64::from(rounds * (SESSIONS - 1)));
    assert!(tally.waited > 0, "no claim waited for another: there was no race");
    assert!(tally.rolled_back > 0, "nobody let go without an effect");
}
