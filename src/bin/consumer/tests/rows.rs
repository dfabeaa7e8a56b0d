//! Rows, as the runtime would leave them.

use std::time::Duration;

use consumer::{
    Storage,
    departures::Departures,
    effect::{EffectId, Ending, IdempotencyKey, Intent, Moment, Origin},
    event::{DecodeError, EncodeError, Event, EventType},
    message::{EventId, Fingerprint},
    outbox::{Cause, Fate, OutboxEvent, Route, Settled},
    storage::{Commit, ConsumerName, Extent, RelayId, UnitLimits},
};
use consumer_core::inbox::{Claim, ConsumerId};
use uuid::Uuid;

pub const EFFECT: &str = "charge";
pub const REQUEST: &str = r#"{"card":"canary"}"#;
const LEASE: Duration = Duration::from_secs(60);
const LIMITS: UnitLimits = UnitLimits { handler: Duration::from_secs(30), grace: Duration::from_secs(5) };

pub async fn session<S: Storage>(store: &S) -> S::Session {
    store.open(LIMITS).await.expect("a session")
}

/// Commits an event with what it sends away.
async fn commit<S: Storage>(store: &S, consumer: ConsumerId, id: &EventId, departures: &Departures) {
    let mut session = session(store).await;
    let mut tx = store.begin(&mut session, Extent::One).await.expect("a transaction");
    let claim = Claim::new(consumer, id, Fingerprint::of(b"data"));
    store.claim(&mut tx, &claim).await.expect("a claim");
    assert!(matches!(store.commit(tx, departures).await, Commit::Done));
}

async fn enrolled<S: Storage>(store: &S) -> ConsumerId {
    let name = ConsumerName { name: "ledger", aliases: &[] };
    store.enroll(&[name]).await.expect("an id")[0]
}

fn event(number: u32) -> EventId {
    EventId { source: String::new(), id: format!("evt-{number}") }
}

/// An effect of one event that was planned, and called once with this ending.
pub async fn effect<S: Storage>(store: &S, number: u32, ending: Option<Ending>) -> EffectId {
    let (consumer, event) = (enrolled(store).await, event(number));
    let id = EffectId::of(consumer, event.key(), EFFECT, "");
    let intent = Intent {
        id,
        consumer,
        event: event.key(),
        effect: EFFECT.to_owned(),
        label: String::new(),
        moment: Moment::After,
        key: IdempotencyKey::new(format!("key-{number}")).expect("a key"),
        request: REQUEST.into(),
        origin: Origin { consumer: "ledger".to_owned(), id: event.id.clone(), ..Origin::default() },
    };
    commit(store, consumer, &event, &Departures { events: Vec::new(), intents: vec![intent] }).await;
    if let Some(ending) = ending {
        let mut session = session(store).await;
        let leased = store.lease_effects(&mut session, &[EFFECT], LEASE, 1).await.expect("leased");
        assert_eq!(leased[0].intent.id, id);
        let nothing = Departures::default();
        let finished = store.finish_effect(&mut session, id, leased[0].fence, &ending, &nothing);
        finished.await.expect("recorded");
    }
    id
}

/// An event whose data is to be hidden.
struct Booked;

impl Event for Booked {
    const TYPES: &'static [EventType] = &[EventType { name: "payment.booked", version: 1 }];

    fn decode(_: EventType, _: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self)
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        Ok(REQUEST.into())
    }

    fn event_type(&self) -> EventType {
        Self::TYPES[0]
    }
}

/// Two rows of one lane, the first of them with this fate.
pub async fn outbox<S: Storage>(store: &S, fate: Fate) -> [Uuid; 2] {
    let row =
        || OutboxEvent::new(&Booked, Route::new().ordered_by("acme"), Cause::default()).expect("writable");
    let events = vec![row(), row()];
    let ids = [events[0].id, events[1].id];
    let consumer = enrolled(store).await;
    commit(store, consumer, &event(1), &Departures { events, intents: Vec::new() }).await;
    let (mut session, relay) = (session(store).await, RelayId::random());
    let leased = store.lease_outbox(&mut session, relay, LEASE, 2).await.expect("leased");
    let fates = [fate, Fate::Untouched];
    let settled = leased.iter().zip(fates).map(|(row, fate)| Settled { position: row.position, fate });
    store.settle_outbox(&mut session, relay, &settled.collect::<Vec<_>>()).await.expect("settled");
    ids
}
