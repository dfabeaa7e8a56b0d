//! What every case about effects needs: two processes on one ledger.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    classify::{Class, walk},
    clock,
    departures::Departures,
    effect::{
        EffectId, EffectRecord, Ending, IdempotencyKey, Intent, Leased, Moment, Origin, Recorded, Right,
    },
    inbox::{Claimed, ConsumerId},
    message::{ClaimKey, EventId},
    outbox::{Filter, OutboxEvent, Standing},
    storage::{Commit, Extent, Storage, StorageError},
    testing::storage::stage::{LIMITS, claim_by, enroll, in_time},
};

/// A lease that outlives every case.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// A lease that a case waits for.
pub(super) const SHORT: Duration = Duration::from_millis(100);

/// The effects of the suite.
pub(super) const CHARGE: &str = "charge";
pub(super) const RECEIPT: &str = "receipt";

/// Two processes with a consumer.
pub(super) struct Desk<S: Storage> {
    pub(super) here: S,
    pub(super) there: S,
    pub(super) consumer: ConsumerId,
}

impl<S: Storage> Desk<S> {
    pub(super) async fn new([here, there]: [S; 2]) -> Self {
        in_time("the tables", here.prepare()).await.expect("an empty database can be prepared");
        let consumer = enroll(&here, "suite", &[]).await;
        Self { here, there, consumer }
    }

    pub(super) async fn open(&self) -> S::Session {
        open(&self.here).await
    }

    pub(super) fn event(id: &str) -> ClaimKey {
        EventId { source: String::new(), id: id.to_owned() }.key()
    }

    fn intent(&self, effect: &str, moment: Moment, event: &str, label: &str) -> Intent {
        let origin = Origin {
            consumer: "suite".to_owned(),
            id: event.to_owned(),
            event_type: "order.placed".to_owned(),
            version: 3,
            correlation_id: Some("é \" \0 line\n".to_owned()),
            ..Origin::default()
        };
        Intent {
            id: EffectId::of(self.consumer, Self::event(event), effect, label),
            consumer: self.consumer,
            event: Self::event(event),
            effect: effect.to_owned(),
            label: label.to_owned(),
            moment,
            key: IdempotencyKey::for_test(&format!("{effect}/{event}/{label}")),
            request: vec![b'{', 0, 0xff, b'}'].into(),
            origin,
        }
    }

    /// An effect that a handler waits for.
    pub(super) fn before(&self, event: &str) -> Intent {
        self.intent(CHARGE, Moment::Before, event, "")
    }

    /// An effect that is called after the commit.
    pub(super) fn after(&self, effect: &str, event: &str) -> Intent {
        self.intent(effect, Moment::After, event, "")
    }

    /// Commits a unit that schedules effects.
    pub(super) async fn schedule(&self, intents: &[&Intent]) {
        let departures = sending(intents);
        let mut session = self.open().await;
        let mut tx =
            in_time("a unit", self.here.begin(&mut session, Extent::One)).await.expect("a unit can be begun");
        let claim = claim_by(self.consumer, &format!("schedules {:?}", departures.intents));
        let claimed = in_time("a claim", self.here.claim(&mut tx, &claim)).await;
        assert_eq!(claimed.expect("an event can be claimed"), Claimed::Fresh);
        let end = in_time("a commit", self.here.commit(tx, &departures)).await;
        assert!(matches!(end, Commit::Done), "a unit that schedules effects must be committed: {end:?}");
    }

    /// Asks for the right to call an effect. A conflict may be told; then it is asked for again.
    pub(super) async fn start(store: &S, intent: &Intent, lease: Duration) -> Right {
        loop {
            let mut session = open(store).await;
            match in_time("a right", store.start_effect(&mut session, intent, lease)).await {
                Ok(right) => return right,
                Err(error) => assert_conflict(store, &error),
            }
        }
    }

    /// Gets the right to call an effect.
    pub(super) async fn ours(&self, intent: &Intent, lease: Duration) -> Leased {
        match Self::start(&self.here, intent, lease).await {
            Right::Ours(leased) => *leased,
            other => panic!("nobody else calls it, so it can be started: {other:?}"),
        }
    }

    /// Gets it as soon as it is there: after a lease or a wait.
    pub(super) async fn soon_ours(&self, intent: &Intent) -> Leased {
        in_time("the right", async {
            loop {
                match Self::start(&self.there, intent, LONG).await {
                    Right::Ours(leased) => return *leased,
                    Right::Busy(wait) => clock::sleep(wait).await,
                    other => panic!("it can be started later: {other:?}"),
                }
            }
        })
        .await
    }

    pub(super) async fn lease(&self, effects: &[&str], limit: u32) -> Vec<Leased> {
        let mut session = self.open().await;
        let leased = in_time("a lease", self.here.lease_effects(&mut session, effects, LONG, limit)).await;
        leased.expect("what is due can be leased")
    }

    pub(super) async fn finish(&self, leased: &Leased, ending: Ending) -> Recorded {
        self.finish_sending(leased, &ending, &Departures::default()).await
    }

    pub(super) async fn finish_sending(
        &self,
        leased: &Leased,
        ending: &Ending,
        departures: &Departures,
    ) -> Recorded {
        let mut session = self.open().await;
        let (id, fence) = (leased.intent.id, leased.fence);
        let recorded = self.here.finish_effect(&mut session, id, fence, ending, departures);
        in_time("the ending", recorded).await.expect("an ending can be written")
    }

    /// The ids of the events that are to be published, as another process sees them.
    pub(super) async fn published(&self) -> Vec<Uuid> {
        let mut session = open(&self.there).await;
        let filter = Filter { standings: vec![Standing::Waiting], ..Filter::default() };
        let listed = in_time("the outbox", self.there.list_outbox(&mut session, &filter)).await;
        listed.expect("events can be listed").iter().map(|listed| listed.row.event.id).collect()
    }

    /// The row, as another process sees it.
    pub(super) async fn find(&self, intent: &Intent) -> Option<EffectRecord> {
        let mut session = open(&self.there).await;
        let found = in_time("a look", self.there.find_effect(&mut session, intent.id)).await;
        found.expect("an effect can be looked up")
    }

    pub(super) async fn row(&self, intent: &Intent) -> EffectRecord {
        self.find(intent).await.expect("the effect is in the ledger")
    }
}

/// What sends effects away.
pub(super) fn sending(intents: &[&Intent]) -> Departures {
    Departures { intents: intents.iter().map(|intent| (*intent).clone()).collect(), ..Departures::default() }
}

/// An event that tells what became of a call.
pub(super) fn told() -> OutboxEvent {
    OutboxEvent {
        id: Uuid::now_v7(),
        event_type: "charge.ended".to_owned(),
        version: 1,
        key: Some("account 7".to_owned()),
        exchange: None,
        routing_key: "charge.ended".to_owned(),
        headers: "{}".to_owned(),
        correlation_id: None,
        causation_id: None,
        traceparent: None,
        content_type: "application/json".to_owned(),
        data: "{}".into(),
    }
}

/// An ending that says that it worked.
pub(super) fn done(result: &'static str) -> Ending {
    Ending::Done(result.into())
}

/// An ending after which it is called again.
pub(super) fn again(wait: Duration, uncertain: bool) -> Ending {
    Ending::Again { wait, error: "the gateway is busy".to_owned(), uncertain }
}

pub(super) async fn open<S: Storage>(store: &S) -> S::Session {
    in_time("a session", store.open(LIMITS)).await.expect("a session can be opened")
}

fn assert_conflict<S: Storage>(store: &S, error: &StorageError) {
    let class = walk(error.as_ref(), |link| store.classify(link));
    assert_eq!(class, Some(Class::Conflict), "a race is a conflict and nothing else: {error}");
}
