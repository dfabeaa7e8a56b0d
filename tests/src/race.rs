//! A race: many sessions claim one event at once, and one of them takes effect.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    ops::AddAssign,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use consumer::{
    Class, Storage,
    classify::walk,
    departures::Departures,
    message::{EventId, Fingerprint},
    sqlx,
};
use consumer_core::{
    inbox::{Claim, Claimed, ConsumerId},
    storage::{Commit, ConsumerName, Extent, Rollback, StorageError, UnitLimits},
};
use consumer_sqlx::{
    mysql::{MySqlStore, MySqlUnit},
    postgres::{PgStore, PgUnit},
    sqlite::{SqliteStore, SqliteUnit},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{backend::Backend, business::Business};

/// The consumer that everybody races for.
pub const CONSUMER: &str = "race";
/// One round in so many is one whose first winners roll back.
const ROLLS_BACK_EVERY: u32 = 4;
/// A unit that met so many conflicts will never end.
const MOST_ATTEMPTS: usize = 1_000;
/// As long as no handler of a race takes.
const LIMITS: UnitLimits = UnitLimits { handler: Duration::from_secs(30), grace: Duration::from_secs(5) };

/// Who takes part, from one process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Racing {
    /// Which database.
    pub backend: Backend,
    /// Its URL.
    pub database: String,
    /// How many sessions this process has.
    pub sessions: u32,
    /// The number of its first one.
    pub first: u32,
}

/// A storage to race on.
pub trait Arena: Storage {
    /// Whether many can have begun before the first one claims; SQLite lets one in at a time.
    const MANY_BEGIN: bool;

    /// Connects with room for so many sessions.
    fn connect(racing: &Racing) -> impl Future<Output = consumer::Result<Self>> + Send;

    /// The event takes effect in the business.
    fn take_effect<'a, 's: 'a>(
        tx: &'a mut Self::Tx<'s>,
        id: &'a str,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

macro_rules! arena {
    ($store:ty, $unit:ident, $connection:ty, $many_begin:literal) => {
        impl Arena for $store {
            const MANY_BEGIN: bool = $many_begin;

            async fn connect(racing: &Racing) -> consumer::Result<Self> {
                <$store>::builder().max_connections(racing.sessions + 2).connect(&racing.database).await
            }

            async fn take_effect<'a, 's: 'a>(tx: &'a mut $unit<'s>, id: &'a str) -> Result<(), sqlx::Error> {
                <$connection as consumer::Connection>::lend(tx).take_effect(CONSUMER, id).await
            }
        }
    };
}

arena!(PgStore, PgUnit, sqlx::PgConnection, true);
arena!(MySqlStore, MySqlUnit, sqlx::MySqlConnection, true);
arena!(SqliteStore, SqliteUnit, sqlx::SqliteConnection, false);

/// What happened to the sessions of a race.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Took effect.
    pub done: u64,
    /// Lost against a claim that was committed.
    pub taken: u64,
    /// Won, and rolled back as a handler that failed would.
    pub rolled_back: u64,
    /// Units that the database ended because of others: deadlocks, lock waits, busy files.
    pub conflicts: BTreeMap<String, u64>,
    /// The most conflicts that one event of one session has met.
    pub most_conflicts: u64,
    /// Claims that had been asked for when their holder let go, and were answered afterwards.
    pub waited: u64,
    /// From the question to the answer of each claim, in microseconds of the wall clock, which processes share.
    asked: Vec<(u64, u64)>,
    /// When holders let go.
    released: Vec<u64>,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.done += other.done;
        self.taken += other.taken;
        self.rolled_back += other.rolled_back;
        self.waited += other.waited;
        self.most_conflicts = self.most_conflicts.max(other.most_conflicts);
        for (conflict, times) in other.conflicts {
            *self.conflicts.entry(conflict).or_default() += times;
        }
        self.asked.extend(other.asked);
        self.released.extend(other.released);
    }
}

impl Tally {
    /// Closes a round: counts who waited for whom.
    pub fn close(&mut self) {
        let (asked, released) = (std::mem::take(&mut self.asked), std::mem::take(&mut self.released));
        let waited = |&(from, to): &(u64, u64)| released.iter().any(|at| from < *at && *at < to);
        self.waited += asked.iter().filter(|span| waited(span)).count() as u64;
    }

    /// How many units the database ended because of others.
    pub fn conflicts(&self) -> u64 {
        self.conflicts.values().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, taken, rolled_back, waited, conflicts, .. } = self;
        write!(f, "effects {done}, taken {taken}, claims that waited {waited}, rolled back {rolled_back}, ")?;
        write!(f, "ended by the database and retried {} ", self.conflicts())?;
        write!(f, "(at most {} times in one unit) {conflicts:?}", self.most_conflicts)
    }
}

/// The sessions of one process.
pub struct Contest<S: Arena> {
    contestants: Vec<Contestant<S>>,
    consumer: ConsumerId,
}

/// What a round is about.
struct Round {
    number: u32,
    id: String,
    claim: Claim,
    ready: Barrier,
    start: Barrier,
}

impl<S: Arena> Contest<S> {
    /// Opens the sessions.
    ///
    /// # Panics
    /// If the database is not there.
    pub async fn enter(racing: &Racing) -> Self {
        let storage = S::connect(racing).await.expect("the database of the race");
        storage.prepare().await.expect("the tables");
        let name = ConsumerName { name: CONSUMER, aliases: &[] };
        let consumer = storage.enroll(&[name]).await.expect("the consumer's id")[0];
        let numbers = racing.first..racing.first + racing.sessions;
        let contestant = |number| Contestant { storage: storage.clone(), number, session: None };
        Self { contestants: numbers.map(contestant).collect(), consumer }
    }

    /// Runs a round; it starts when everybody stands at the line and `signal` is through.
    ///
    /// # Panics
    /// If a session meets an error that is no conflict.
    pub async fn round(&mut self, number: u32, signal: impl Future<Output = ()>) -> Tally {
        let id = id(number);
        let event = EventId { source: String::new(), id: id.clone() };
        let claim = Claim::new(self.consumer, &event, Fingerprint::of(b"{}"));
        let everybody = self.contestants.len() + 1;
        let (ready, start) = (Barrier::new(everybody), Barrier::new(everybody));
        let round = Arc::new(Round { number, id, claim, ready, start });
        let mut racing = JoinSet::new();
        for contestant in self.contestants.drain(..) {
            racing.spawn(contestant.race(round.clone()));
        }
        round.ready.wait().await;
        signal.await;
        round.start.wait().await;
        let mut tally = Tally::default();
        while let Some(raced) = racing.join_next().await {
            let (contestant, its) = raced.expect("a session of the race");
            self.contestants.push(contestant);
            tally += its;
        }
        tally
    }
}

/// The id of a round's event.
pub fn id(round: u32) -> String {
    format!("round-{round}")
}

/// One session.
struct Contestant<S: Arena> {
    storage: S,
    number: u32,
    session: Option<S::Session>,
}

/// How a unit has ended.
enum Attempt {
    Through,
    Again,
}

impl<S: Arena> Contestant<S> {
    async fn race(mut self, round: Arc<Round>) -> (Self, Tally) {
        let mut tally = Tally::default();
        let mut first = true;
        for _ in 0..MOST_ATTEMPTS {
            if let Attempt::Through = self.attempt(&round, first, &mut tally).await {
                tally.most_conflicts = tally.conflicts();
                return (self, tally);
            }
            first = false;
        }
        panic!("session {} met {tally}", self.number);
    }

    /// One whole unit; the first one waits at the line.
    async fn attempt(&mut self, round: &Round, first: bool, tally: &mut Tally) -> Attempt {
        let storage = self.storage.clone();
        let mut session = match self.session.take() {
            Some(session) => session,
            None => storage.open(LIMITS).await.expect("a session"),
        };
        if first && !S::MANY_BEGIN {
            round.stand().await;
        }
        let mut asked = now();
        let mut tx = match storage.begin(&mut session, Extent::One).await {
            Ok(tx) => tx,
            Err(error) => return conflict(&storage, &error, tally),
        };
        if first && S::MANY_BEGIN {
            round.stand().await;
            asked = now();
        }
        let claimed = storage.claim(&mut tx, &round.claim).await;
        tally.asked.push((asked, now()));
        let (attempt, keep) = match claimed {
            Ok(Claimed::Fresh) => won(&storage, tx, round, first && round.fails(self.number), tally).await,
            lost => lost_to(&storage, tx, lost, tally).await,
        };
        self.session = keep.then_some(session);
        attempt
    }
}

/// Takes effect; or fails after it, as a handler may, and rolls back.
async fn won<S: Arena>(
    storage: &S,
    mut tx: S::Tx<'_>,
    round: &Round,
    fails: bool,
    tally: &mut Tally,
) -> (Attempt, bool) {
    S::take_effect(&mut tx, &round.id).await.expect("the business");
    tally.released.push(now());
    if fails {
        tally.rolled_back += 1;
        return (Attempt::Again, matches!(storage.roll_back(tx).await, Rollback::Done));
    }
    match storage.commit(tx, &Departures::default()).await {
        Commit::Done => {
            tally.done += 1;
            (Attempt::Through, true)
        }
        Commit::Refused(error) => (conflict(storage, &error, tally), true),
        other => panic!("a winner could not commit: {other:?}"),
    }
}

async fn lost_to<S: Arena>(
    storage: &S,
    tx: S::Tx<'_>,
    lost: Result<Claimed, StorageError>,
    tally: &mut Tally,
) -> (Attempt, bool) {
    let keep = matches!(storage.roll_back(tx).await, Rollback::Done);
    let attempt = match lost {
        Ok(Claimed::Taken(_)) => {
            tally.taken += 1;
            Attempt::Through
        }
        Ok(_) => Attempt::Again,
        Err(error) => conflict(storage, &error, tally),
    };
    (attempt, keep)
}

/// Counts a conflict; anything else is no part of a race.
fn conflict<S: Storage>(storage: &S, error: &StorageError, tally: &mut Tally) -> Attempt {
    let error: &(dyn std::error::Error + 'static) = error.as_ref();
    let class = walk(error, |link| storage.classify(link));
    assert_eq!(class, Some(Class::Conflict), "a race met {error:?}");
    *tally.conflicts.entry(error.to_string()).or_default() += 1;
    Attempt::Again
}

impl Round {
    async fn stand(&self) {
        self.ready.wait().await;
        self.start.wait().await;
    }

    fn fails(&self, contestant: u32) -> bool {
        self.number.is_multiple_of(ROLLS_BACK_EVERY) && contestant.is_multiple_of(2)
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
