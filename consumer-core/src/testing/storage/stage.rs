//! What every case needs: a database of its own, workers with sessions, claims.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, time::Duration};

use futures_util::{FutureExt, future::LocalBoxFuture};

use super::SuiteStorage;
use crate::{
    classify::{Class, walk},
    clock,
    departures::Departures,
    inbox::{Claim, Claimed, ConsumerId},
    message::{EventId, Fingerprint},
    storage::{Commit, ConsumerName, Extent, Rollback, Sessions, Storage, StorageError, UnitLimits},
};

/// How long anything may take that has to happen; far above what a server on a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Limits that no case reaches unless it is about them.
pub(super) const LIMITS: UnitLimits =
    UnitLimits { handler: Duration::from_secs(20), grace: Duration::from_secs(2) };

/// The limits that a case about them waits for.
pub(super) const SHORT: UnitLimits = UnitLimits { handler: Duration::from_secs(1), grace: Duration::ZERO };

pub(super) type Session<S> = <<S as SuiteStorage>::Store as Sessions>::Session;
pub(super) type Tx<'s, S> = <<S as SuiteStorage>::Store as Storage>::Tx<'s>;

pub(super) struct Stage<'a, S> {
    fresh: Box<dyn Fn() -> LocalBoxFuture<'static, S> + 'a>,
}

impl<'a, S: SuiteStorage> Stage<'a, S> {
    pub(super) fn new<F: Future<Output = S> + 'static>(fresh: &'a impl Fn() -> F) -> Self {
        Self { fresh: Box::new(|| fresh().boxed_local()) }
    }

    /// An empty database.
    pub(super) async fn database(&self) -> S {
        in_time("a new database", (self.fresh)()).await
    }
}

/// Runs a case, and says how it failed.
pub(super) async fn run(name: &str, case: impl Future<Output = ()>) -> Option<String> {
    tracing::info!(name, "storage suite");
    let panic = AssertUnwindSafe(case).catch_unwind().await.err()?;
    Some(format!("{name}: {}", text(panic.as_ref())))
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or(panic.downcast_ref::<&str>().copied()).unwrap_or("panicked")
}

/// What has to happen.
pub(super) async fn in_time<T>(what: &str, happens: impl Future<Output = T>) -> T {
    clock::timeout(PATIENCE, happens)
        .await
        .unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// Long enough for a rival to come as far as its lock.
pub(super) async fn a_moment() {
    clock::sleep(Duration::from_millis(200)).await;
}

/// A claim of an event by a consumer.
pub(super) fn claim_by(consumer: ConsumerId, id: &str) -> Claim {
    let event = EventId { source: String::new(), id: id.to_owned() };
    Claim::new(consumer, &event, Fingerprint::of(id.as_bytes()))
}

/// One process with one consumer.
pub(super) struct Process<'a, S: SuiteStorage> {
    pub(super) database: &'a S,
    pub(super) store: S::Store,
    pub(super) consumer: ConsumerId,
}

/// A process that has started up.
pub(super) async fn process<S: SuiteStorage>(database: &S) -> Process<'_, S> {
    let store = database.store().await;
    in_time("the tables", store.prepare()).await.expect("an empty database can be prepared");
    let consumer = enroll(&store, "suite", &[]).await;
    Process { database, store, consumer }
}

/// The id of one consumer.
pub(super) async fn enroll<S: Storage>(store: &S, name: &str, aliases: &[&str]) -> ConsumerId {
    let wanted = [ConsumerName { name, aliases }];
    let ids = in_time("an id", store.enroll(&wanted)).await.expect("a consumer can be enrolled");
    *ids.first().expect("each consumer asked for gets an id")
}

impl<'a, S: SuiteStorage> Process<'a, S> {
    pub(super) async fn open(&self) -> Session<S> {
        self.open_with(LIMITS).await
    }

    pub(super) async fn open_with(&self, limits: UnitLimits) -> Session<S> {
        in_time("a session", self.store.open(limits)).await.expect("a session can be opened")
    }

    pub(super) fn claim_of(&self, id: &str) -> Claim {
        claim_by(self.consumer, id)
    }

    /// Begins a unit and claims an event in it.
    pub(super) async fn claim<'s>(&self, session: &'s mut Session<S>, id: &str) -> (Tx<'s, S>, Claimed) {
        self.try_claim(session, &self.claim_of(id)).await.expect("an event can be claimed")
    }

    /// The same, unless the claim fails: then the unit is rolled back.
    pub(super) async fn try_claim<'s>(
        &self,
        session: &'s mut Session<S>,
        claim: &Claim,
    ) -> Result<(Tx<'s, S>, Claimed), StorageError> {
        let mut tx = in_time("a unit", self.store.begin(session, Extent::One)).await?;
        match in_time("a claim", self.store.claim(&mut tx, claim)).await {
            Ok(claimed) => Ok((tx, claimed)),
            Err(error) => {
                self.store.roll_back(tx).await;
                Err(error)
            }
        }
    }

    /// Begins a unit that has claimed a fresh event and written a row.
    pub(super) async fn work<'s>(&self, session: &'s mut Session<S>, id: &str) -> Tx<'s, S> {
        let (mut tx, claimed) = self.claim(session, id).await;
        assert_eq!(claimed, Claimed::Fresh, "an event that nobody has processed must be fresh: {id:?}");
        self.database.write(&mut tx, id).await.expect("a business row can be written");
        tx
    }

    /// Processes an event once, in a session of its own.
    pub(super) async fn process(&self, id: &str) {
        let mut session = self.open().await;
        let tx = self.work(&mut session, id).await;
        self.commit(tx).await;
    }

    /// Commits a unit that nothing is wrong with.
    pub(super) async fn commit(&self, tx: Tx<'_, S>) {
        let end = in_time("a commit", self.store.commit(tx, &Departures::default())).await;
        assert!(matches!(end, Commit::Done), "a unit that nothing is wrong with must be committed: {end:?}");
    }

    /// Rolls back a unit that nothing is wrong with.
    pub(super) async fn roll_back(&self, tx: Tx<'_, S>) {
        let end = in_time("a rollback", self.store.roll_back(tx)).await;
        assert!(
            matches!(end, Rollback::Done),
            "a unit that nothing is wrong with must be rolled back: {end:?}"
        );
    }

    /// Whether an event is claimed, as a new session sees it.
    pub(super) async fn is_claimed(&self, id: &str) -> bool {
        let mut session = self.open().await;
        let key = self.claim_of(id).key;
        let found = in_time("a look", self.store.find(&mut session, self.consumer, key)).await;
        found.expect("a claim can be looked up").is_some()
    }

    /// How often a row is there, as others see it.
    pub(super) async fn written(&self, value: &str) -> usize {
        in_time("the rows", self.database.written()).await.iter().filter(|row| *row == value).count()
    }

    /// Asserts that an event has left a claim and one row, or neither.
    pub(super) async fn all_or_nothing(&self, id: &str, rule: &str) {
        let (claimed, rows) = (self.is_claimed(id).await, self.written(id).await);
        assert_eq!(usize::from(claimed), rows, "{rule}: claims and rows of {id:?} differ");
    }

    /// Asserts that an event has left nothing.
    pub(super) async fn nothing(&self, id: &str, rule: &str) {
        assert!(!self.is_claimed(id).await, "{rule}: there is a claim of {id:?}");
        assert_eq!(self.written(id).await, 0, "{rule}: there is a row of {id:?}");
    }

    /// The class of an error.
    pub(super) fn class(&self, error: &StorageError) -> Option<Class> {
        walk(error.as_ref(), |link| self.store.classify(link))
    }
}
