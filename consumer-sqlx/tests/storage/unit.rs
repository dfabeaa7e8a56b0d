//! What the tests of each database begin with.

use std::time::Duration;

use consumer_core::{
    Class, Storage,
    classify::walk,
    departures::Departures,
    failure::{News, RunnerId, Wanted},
    inbox::{Claim, Claimed, ConsumerId},
    message::{EventId, Fingerprint},
    outbox::{Fate, OutboxEvent, Settled},
    storage::{Commit, ConsumerName, Extent, RelayId, StorageError, UnitLimits},
};
use uuid::Uuid;

/// Limits that no test reaches unless it is about them.
pub(crate) const LIMITS: UnitLimits =
    UnitLimits { handler: Duration::from_secs(20), grace: Duration::from_secs(2) };

/// What a unit sends away that sends nothing.
pub(crate) const NOTHING: Departures = Departures { events: Vec::new(), intents: Vec::new() };

/// The claim of an event.
pub(crate) fn claim(consumer: ConsumerId, id: &str) -> Claim {
    let event = EventId { source: String::new(), id: id.to_owned() };
    Claim::new(consumer, &event, Fingerprint::of(b"{}"))
}

/// Creates the tables and enrols the one consumer of a test.
pub(crate) async fn start<S: Storage>(store: &S) -> ConsumerId {
    store.prepare().await.expect("tables");
    store.enroll(&[ConsumerName { name: "test", aliases: &[] }]).await.expect("an id")[0]
}

/// A unit that has claimed a fresh event.
pub(crate) async fn begin<'s, S: Storage>(
    store: &S,
    session: &'s mut S::Session,
    consumer: ConsumerId,
    id: &str,
) -> S::Tx<'s> {
    let mut tx = store.begin(session, Extent::One).await.expect("a unit");
    let claimed = store.claim(&mut tx, &claim(consumer, id)).await.expect("a claim");
    assert_eq!(claimed, Claimed::Fresh);
    tx
}

/// Commits a unit that publishes one event, and relays it.
pub(crate) async fn relay_one<S: Storage>(store: &S, session: &mut S::Session, consumer: ConsumerId) {
    let event = event(Some("key"));
    let departures = Departures { events: vec![event.clone()], intents: Vec::new() };
    let unit = Uuid::new_v4().to_string();
    let end = store.commit(begin(store, session, consumer, &unit).await, &departures).await;
    assert!(matches!(end, Commit::Done), "{end:?}");
    let (relay, lease) = (RelayId::random(), Duration::from_secs(60));
    let leased = store.lease_outbox(session, relay, lease, 10).await.expect("a lease");
    assert_eq!(leased.iter().map(|row| &row.event).collect::<Vec<_>>(), [&event]);
    let sent = Settled { position: leased[0].position, fate: Fate::Sent };
    store.settle_outbox(session, relay, &[sent]).await.expect("a settlement");
    store.sweep_outbox(lease, 10).await.expect("a sweep");
}

/// Has an event fail, be redriven and be resolved by hand, and a message be marked: all that is asked of failure records.
pub(crate) async fn fail_one<S: Storage>(store: &S, session: &mut S::Session, consumer: ConsumerId) {
    let key = claim(consumer, "fails").key;
    let told = store.record_failure(session, consumer, key, &news()).await.expect("a record");
    let found = store.find_failure(session, consumer, key).await.expect("a look").expect("a record");
    assert_eq!((found.state, found.delays), (told.state, 1));
    assert_eq!(store.survey_failures(session, consumer).await.expect("a survey").delayed, 1);
    assert!(store.reset_failure(session, consumer, key).await.expect("a reset"));
    assert!(store.resolve_failure(session, consumer, key).await.expect("an end"));
    let runners = [RunnerId::random(), RunnerId::random()];
    for (runner, deaths) in runners.into_iter().zip([0, 1]) {
        assert_eq!(store.mark_run(session, consumer, key, runner, true).await.expect("a mark"), deaths);
    }
    store.clear_run(session, consumer, key).await.expect("an end");
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    store.sweep_failures(week, week, 10).await.expect("a sweep");
}

/// A failure that asks for the next of three rungs.
pub(crate) fn news() -> News<'static> {
    News {
        attempts: 3,
        class: Class::Transient,
        error: "the account is locked",
        wanted: Wanted::Rung { rungs: 3, not_before: None },
        event_id: "evt-1",
        event_type: "payment.captured",
    }
}

/// The statements of the steps up to a version, as they are printed.
pub(crate) fn steps_before<'a>(script: &'a str, step: &str) -> &'a str {
    script.split_once(step).expect("the step is printed").0
}

/// An event for the outbox.
pub(crate) fn event(key: Option<&str>) -> OutboxEvent {
    OutboxEvent {
        id: Uuid::now_v7(),
        event_type: "payment.captured".to_owned(),
        version: 1,
        key: key.map(str::to_owned),
        exchange: None,
        routing_key: "payment.captured".to_owned(),
        headers: "{}".to_owned(),
        correlation_id: None,
        causation_id: None,
        traceparent: None,
        content_type: "application/json".to_owned(),
        data: vec![0, 0xff, b'{'].into(),
    }
}

/// Whether an event is claimed, as a session of its own sees it.
pub(crate) async fn is_claimed<S: Storage>(store: &S, consumer: ConsumerId, id: &str) -> bool {
    let mut session = store.open(LIMITS).await.expect("a session");
    store.find(&mut session, consumer, claim(consumer, id).key).await.expect("a look").is_some()
}

/// The class of an error, by the first link that has one.
pub(crate) fn class<S: Storage>(store: &S, error: &StorageError) -> Option<Class> {
    walk(error.as_ref(), |link| store.classify(link))
}
