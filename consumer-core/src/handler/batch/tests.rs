//! The events of a batch stay apart.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    event::{DecodeError, EncodeError, EventType},
    handler::{
        ConsumerSpec, Consumes, Context, Decoded, Effect, Extract, Handler, HandlerError, Needs, Recording,
        Registered, Registry,
    },
    storage::{Extent, Sessions as _, Storage as _, UnitLimits},
    testing::{MemoryStore, MemoryTx},
};

/// A number, which is its key too; negative ones have none.
#[derive(Debug, PartialEq)]
struct Number(i64);

impl Event for Number {
    const TYPES: &'static [EventType] = &[EventType { name: "number", version: 1 }];

    fn decode(_: EventType, data: &[u8]) -> Result<Self, DecodeError> {
        let number = std::str::from_utf8(data).ok().and_then(|text| text.parse().ok());
        number.map(Self).ok_or_else(|| DecodeError::new(".", "no number"))
    }

    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        Ok(self.0.to_string().into_bytes())
    }

    fn event_type(&self) -> EventType {
        Self::TYPES[0]
    }

    fn key(&self) -> Option<std::borrow::Cow<'_, str>> {
        (self.0 >= 0).then(|| self.0.to_string().into())
    }
}

enum Note {}

impl Effect for Note {
    const SPEC: crate::effect::EffectSpec = crate::effect::EffectSpec::new("note");
    type Payload = i64;
    type Output = ();

    async fn call(_: i64, _: &Context) -> Result<(), HandlerError> {
        Ok(())
    }

    fn needs(_: &mut Needs) {}
}

/// Publishes and notes each number, twice if it is twice there; odd ones are failed.
enum Numbers {}

impl Consumes for Numbers {
    type Input = Batch<Number>;
    const SPEC: ConsumerSpec = ConsumerSpec {
        name: "numbers",
        queue: "numbers",
        aliases: &[],
        timeout: ConsumerSpec::DEFAULT_TIMEOUT,
        batch: Self::BATCH,
    };
}

impl Handler<MemoryStore> for Numbers {
    async fn handle<'a, 's: 'a>(
        events: Batch<Number>,
        cx: &'a Context,
        _: &'a mut MemoryTx<'s>,
    ) -> Result<BatchFailures, HandlerError> {
        let outbox = <BatchOutbox<'_> as Extract<Batch<Number>>>::extract(cx)?;
        let effects = <BatchEffects<'_> as Extract<Batch<Number>>>::extract(cx)?;
        Ok(sort(&events, outbox, effects))
    }

    fn needs(needs: &mut Needs) {
        <BatchOutbox<'_> as Extract<Batch<Number>>>::needs(needs);
    }
}

fn sort(events: &Batch<Number>, outbox: BatchOutbox<'_>, effects: BatchEffects<'_>) -> BatchFailures {
    let mut failures = BatchFailures::new();
    for item in events {
        let Item { event: Number(number), .. } = item;
        if number % 2 != 0 {
            failures.fail(item, HandlerError::permanent(format!("{number} of {} is odd", item.meta().id())));
            failures.fail(item, HandlerError::transient("a second error of it"));
        }
        outbox.of(item).publish(&item.event);
        effects.of(item).schedule::<Note>(number);
    }
    failures
}

fn registered() -> Registered<MemoryStore> {
    let mut registry = Registry::new();
    registry.consumer::<Numbers>();
    registry.consumers.remove(0)
}

fn decoded(numbers: &[i64]) -> Vec<Decoded> {
    let handler = registered().handler;
    let decode = |number: &i64| handler.decode(Number::TYPES[0], number.to_string().as_bytes());
    numbers.iter().map(|number| decode(number).expect("a number")).collect()
}

fn metas(many: usize) -> Vec<Meta> {
    (0..many).map(|number| Meta::for_test(format!("evt-{number}")).build()).collect()
}

async fn on_a_transaction<T>(call: impl AsyncFnOnce(&mut MemoryTx<'_>) -> T) -> T {
    let (store, limits) =
        (MemoryStore::new(), UnitLimits { handler: Duration::from_secs(1), grace: Duration::from_secs(1) });
    let mut session = store.open(limits).await.expect("it is never away");
    let mut tx = store.begin(&mut session, Extent::One).await.expect("it is never away");
    call(&mut tx).await
}

async fn handle_all(events: Vec<Decoded>, cx: &Context) -> Result<Vec<(usize, HandlerError)>, HandlerError> {
    on_a_transaction(async |tx| registered().handler.handle_all(events, cx, tx).await).await
}

#[tokio::test]
async fn each_event_has_its_own_envelope_outbox_and_effects() {
    let cx = Context::of_batch(metas(3), Arc::default());
    let failures = handle_all(decoded(&[2, 3, 4]), &cx).await.expect("it was decided");
    let told: Vec<_> = failures.iter().map(|(position, error)| (*position, error.to_string())).collect();
    assert_eq!(told, [(1, "3 of evt-1 is odd".to_owned())], "the first error of an event stays");
    for (position, number) in ["2", "3", "4"].into_iter().enumerate() {
        let sent = cx.sending_of(position).take();
        assert_eq!(sent.flaw, None);
        assert_eq!(sent.scheduled.len(), 1);
        let [published] = &sent.events[..] else { panic!("one event for each") };
        assert_eq!(published.data, number.as_bytes());
    }
}

#[tokio::test]
async fn events_that_are_not_those_of_the_call_are_never_left_out() {
    for (events, about) in [(1, 2), (2, 1), (0, 1)] {
        let cx = Context::of_batch(metas(about), Arc::default());
        assert!(
            handle_all(decoded(&vec![2; events]), &cx).await.is_err(),
            "{events} events, {about} envelopes"
        );
    }
}

#[tokio::test]
async fn a_batch_of_one_fails_like_its_event() {
    let Registered { handler, .. } = registered();
    assert!(handler.takes_batches());
    for (number, error) in [(2, None), (3, Some("3 of evt-0 is odd"))] {
        let cx = Context::new(metas(1).remove(0), Arc::default(), Arc::default());
        let event = decoded(&[number]).remove(0);
        let ended = on_a_transaction(async |tx| handler.handle(event, &cx, tx).await).await;
        assert_eq!(ended.err().map(|error| error.to_string()).as_deref(), error);
        assert_eq!(cx.sending().take().events.len(), 1);
    }
}

#[test]
fn an_event_goes_by_its_key_if_its_type_has_one() {
    let registered = registered();
    assert!(registered.keyed && registered.needs.outbox);
    assert_eq!(registered.spec.batch, 64);
    let keys: Vec<_> = decoded(&[7, -7]).into_iter().map(|event| event.key).collect();
    assert_eq!(keys, [Some("7".into()), None]);
}

#[test]
fn a_recording_keeps_apart_what_events_schedule() {
    let recording = Recording::new();
    let events = Batch::for_test([Number(2), Number(2), Number(3)]);
    let failures = sort(&events, recording.batch_outbox(), recording.batch_effects());
    assert_eq!(recording.flaw(), None);
    assert_eq!(recording.published::<Number>(), [Number(2), Number(2), Number(3)]);
    assert_eq!(recording.scheduled::<Note>(), [2, 2, 3]);
    assert_eq!(failures.iter().map(|(position, _)| position).collect::<Vec<_>>(), [2]);
    let third = events.iter().last().expect("there are three");
    assert!(failures.has(third) && third.meta().id() == "3");
    recording.batch_effects().of(third).schedule::<Note>(&3);
    assert!(recording.flaw().is_some(), "the same call twice for one event");
}

#[test]
#[should_panic(expected = "of this batch")]
fn an_event_of_another_batch_is_none_of_this_one() {
    let cx = Context::of_batch(metas(1), Arc::default());
    let outbox = <BatchOutbox<'_> as Extract<Batch<Number>>>::extract(&cx).expect("it is always there");
    let others = Batch::for_test([Number(1), Number(2)]);
    others.iter().for_each(|item| outbox.of(item).publish(&item.event));
}

#[test]
#[should_panic(expected = "`Context::meta` was called for a batch")]
fn a_batch_has_no_envelope_of_its_own() {
    Context::of_batch(metas(1), Arc::default()).meta();
}
