//! What every case about failures needs: two processes, and what is known of their events.

use std::time::Duration;

use crate::{
    classify::Class,
    departures::Departures,
    failure::{FailureRecord, News, RunnerId, Wanted},
    inbox::{Claimed, ConsumerId},
    message::{ClaimKey, EventId},
    storage::{Commit, Extent, Storage},
    testing::storage::stage::{LIMITS, claim_by, enroll, in_time},
};

/// A time that no case waits for.
pub(super) const LONG: Duration = Duration::from_secs(3600);

/// A time that a case waits for.
pub(super) const SHORT: Duration = Duration::from_millis(100);

/// The next of three rungs.
pub(super) const RUNG: Wanted = Wanted::Rung { rungs: 3, not_before: None };

/// Two processes with two consumers.
pub(super) struct Desk<S: Storage> {
    pub(super) here: S,
    pub(super) there: S,
    pub(super) consumer: ConsumerId,
    pub(super) other: ConsumerId,
}

/// The key of an event, or of a message.
pub(super) fn key(id: &str) -> ClaimKey {
    EventId { source: String::new(), id: id.to_owned() }.key()
}

/// A failure that asks for this.
pub(super) fn news(wanted: Wanted) -> News<'static> {
    News {
        attempts: 3,
        class: Class::Transient,
        error: "the account is locked",
        wanted,
        event_id: "evt-1",
        event_type: "payment.captured",
    }
}

impl<S: Storage> Desk<S> {
    pub(super) async fn new([here, there]: [S; 2]) -> Self {
        in_time("the tables", here.prepare()).await.expect("an empty database can be prepared");
        let (consumer, other) = (enroll(&here, "suite", &[]).await, enroll(&here, "other", &[]).await);
        Self { here, there, consumer, other }
    }

    pub(super) async fn open(store: &S) -> S::Session {
        in_time("a session", store.open(LIMITS)).await.expect("a session can be opened")
    }

    /// Counts a failure of an event.
    pub(super) async fn fail(&self, event: &str, wanted: Wanted) -> FailureRecord {
        self.tell(self.consumer, event, &news(wanted)).await
    }

    pub(super) async fn tell(&self, consumer: ConsumerId, event: &str, news: &News<'_>) -> FailureRecord {
        let mut session = Self::open(&self.here).await;
        count(&self.here, &mut session, consumer, key(event), news).await
    }

    /// The record, as another process sees it.
    pub(super) async fn find(&self, event: &str) -> Option<FailureRecord> {
        self.find_of(self.consumer, event).await
    }

    pub(super) async fn find_of(&self, consumer: ConsumerId, event: &str) -> Option<FailureRecord> {
        let mut session = Self::open(&self.there).await;
        let found = in_time("a look", self.there.find_failure(&mut session, consumer, key(event))).await;
        found.expect("a record can be looked up")
    }

    pub(super) async fn row(&self, event: &str) -> FailureRecord {
        self.find(event).await.expect("the event has a record")
    }

    pub(super) async fn reset(&self, event: &str) -> bool {
        let mut session = Self::open(&self.here).await;
        let reset = self.here.reset_failure(&mut session, self.consumer, key(event));
        in_time("a reset", reset).await.expect("a record can be reset")
    }

    pub(super) async fn resolve(&self, event: &str) -> bool {
        let mut session = Self::open(&self.here).await;
        let resolved = self.here.resolve_failure(&mut session, self.consumer, key(event));
        in_time("an end", resolved).await.expect("a record can be resolved")
    }

    /// Marks a message that is run alone, in another process than [`clear`](Self::clear).
    pub(super) async fn mark(&self, consumer: ConsumerId, message: &str, runner: RunnerId) -> u32 {
        self.mark_as(consumer, message, runner, true).await
    }

    /// Marks a message that is not run alone.
    pub(super) async fn mark_among_others(&self, message: &str, runner: RunnerId) -> u32 {
        self.mark_as(self.consumer, message, runner, false).await
    }

    async fn mark_as(&self, consumer: ConsumerId, message: &str, runner: RunnerId, alone: bool) -> u32 {
        let mut session = Self::open(&self.here).await;
        let marked = self.here.mark_run(&mut session, consumer, key(message), runner, alone);
        in_time("a mark", marked).await.expect("a message can be marked")
    }

    pub(super) async fn clear(&self, message: &str) {
        let mut session = Self::open(&self.there).await;
        let cleared = self.there.clear_run(&mut session, self.consumer, key(message));
        in_time("an end", cleared).await.expect("a mark can be taken away");
    }

    /// Processes an event.
    pub(super) async fn process(&self, event: &str) {
        let mut session = Self::open(&self.here).await;
        process(&self.here, &mut session, self.consumer, event).await;
    }
}

/// Counts a failure in a session.
pub(super) async fn count<S: Storage>(
    store: &S,
    session: &mut S::Session,
    consumer: ConsumerId,
    event: ClaimKey,
    news: &News<'_>,
) -> FailureRecord {
    let counted = in_time("a record", store.record_failure(session, consumer, event, news)).await;
    counted.expect("a failure can be counted, whoever counts another one at the same time")
}

/// Processes an event in a session.
pub(super) async fn process<S: Storage>(
    store: &S,
    session: &mut S::Session,
    consumer: ConsumerId,
    event: &str,
) {
    let mut tx = in_time("a unit", store.begin(session, Extent::One)).await.expect("a unit can be begun");
    let claimed = in_time("a claim", store.claim(&mut tx, &claim_by(consumer, event))).await;
    assert_eq!(claimed.expect("an event can be claimed"), Claimed::Fresh);
    let end = in_time("a commit", store.commit(tx, &Departures::default())).await;
    assert!(matches!(end, Commit::Done), "a unit that nothing is wrong with must be committed: {end:?}");
}
