//! Effects at work: a runtime calls what the macro has made of each function.

use std::sync::{Arc, Mutex, PoisonError};

use consumer::{
    App, SqliteStore,
    effect::ProviderError,
    handler::{Failed, Performed, Resolution},
    prelude::*,
};
use consumer_tests::{database::Database, stage::Stage};

/// Who was called, with what.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn note(&self, call: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn of(&self, name: &str) -> Vec<String> {
        self.all().into_iter().filter(|call| call.split(' ').next() == Some(name)).collect()
    }
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "order.placed", version = 1)]
struct OrderPlaced {
    order: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Charge {
    order: i64,
}

impl From<&OrderPlaced> for Charge {
    fn from(placed: &OrderPlaced) -> Self {
        Self { order: placed.order }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Refund {
    order: i64,
    charged: String,
}

impl From<&Performed<Charge, String>> for Refund {
    fn from(done: &Performed<Charge, String>) -> Self {
        Self { order: done.payload.order, charged: done.output.clone() }
    }
}

#[effect(name = "charge", compensate = refund)]
async fn charge(
    payload: &Charge,
    key: &IdempotencyKey,
    body: RequestBody,
    meta: &Meta,
    State(calls): State<Calls>,
) -> anyhow::Result<String> {
    let body = String::from_utf8_lossy(body.bytes()).into_owned();
    calls.note(format!("charge {body} {} {}", meta.id(), key.as_str().len()));
    Ok(format!("ch-{}", payload.order))
}

#[effect(name = "hold")]
async fn hold(
    payload: Charge,
    _: IdempotencyKey,
    Completed(charged): Completed<charge>,
    State(calls): State<Calls>,
) -> anyhow::Result<i64> {
    calls.note(format!("hold {charged}"));
    Ok(payload.order)
}

#[effect(name = "refund")]
async fn refund(payload: Refund, _: IdempotencyKey, State(calls): State<Calls>) -> anyhow::Result<()> {
    calls.note(format!("refund {} {}", payload.order, payload.charged));
    Ok(())
}

/// The provider does it and its answer is lost.
#[effect(name = "letter", unkeyed, resolve = find_letter)]
async fn letter(order: i64, State(calls): State<Calls>) -> Result<String, ProviderError> {
    calls.note(format!("letter {order}"));
    Err(ProviderError::unknown("the answer was lost"))
}

async fn find_letter(
    order: &i64,
    key: &IdempotencyKey,
    State(calls): State<Calls>,
) -> anyhow::Result<Resolution<String>> {
    calls.note(format!("find_letter {order} {}", key.as_str().len()));
    Ok(Resolution::Done("sent".to_owned()))
}

#[effect(name = "refused", on_failure = hears_of_it)]
async fn refused(order: i64, _: &IdempotencyKey) -> Result<(), ProviderError> {
    Err(ProviderError::refused(format!("no such order {order}")))
}

#[consumer(name = "hears-of-it")]
async fn hears_of_it(event: Failed<i64>, State(calls): State<Calls>) -> anyhow::Result<()> {
    calls.note(format!("hears_of_it {} {} {}", event.effect, event.payload, event.not_done));
    Ok(())
}

#[derive(Debug, thiserror::Error, Classify)]
#[error("this order is never accepted")]
#[classify(permanent)]
struct Rejected;

#[consumer(name = "checkout")]
async fn checkout(
    event: OrderPlaced,
    Completed(charged): Completed<charge>,
    held: Completed<hold>,
    effects: Effects<'_>,
    State(calls): State<Calls>,
) -> Result<(), Rejected> {
    calls.note(format!("checkout {charged} {}", held.0));
    if event.order < 0 {
        return Err(Rejected);
    }
    effects.schedule::<letter>(&event.order);
    effects.schedule::<refused>(&event.order);
    Ok(())
}

async fn stage() -> (Stage, Calls, Database) {
    let database = Database::sqlite();
    let store = SqliteStore::connect(database.url()).await.expect("a store");
    let calls = Calls::default();
    let app = App::new().state(calls.clone()).register::<(checkout, hears_of_it)>().register::<(
        charge,
        hold,
        refund,
        letter,
        refused,
    )>();
    (Stage::start(store, Default::default(), app).await, calls, database)
}

#[tokio::test]
async fn each_function_is_called_with_what_it_asks_for() {
    let (stage, calls, _database) = stage().await;
    stage.publish("checkout", "evt-7", "order.placed", r#"{"order":7}"#).await;
    stage.publish("checkout", "evt-7", "order.placed", r#"{"order":7}"#).await;
    stage.wait("the letter", |_| !calls.of("find_letter").is_empty()).await;
    stage.wait("the failure", |_| !calls.of("hears_of_it").is_empty()).await;
    stage.drained("checkout").await;
    assert_eq!(calls.all()[..3], [r#"charge {"order":7} evt-7 36"#, "hold ch-7", "checkout ch-7 7"]);
    assert_eq!((calls.of("charge").len(), calls.of("checkout").len()), (1, 1));
    assert_eq!(
        (calls.of("letter"), calls.of("find_letter")),
        (vec!["letter 7".into()], vec!["find_letter 7 36".into()])
    );
    assert_eq!(calls.of("hears_of_it"), ["hears_of_it refused 7 true"]);
    assert_eq!(calls.of("refund"), [""; 0]);
    stage.stop().await.expect("a good end");
}

#[tokio::test]
async fn what_was_done_for_a_rejected_event_is_undone() {
    let (stage, calls, _database) = stage().await;
    stage.publish("checkout", "evt-8", "order.placed", r#"{"order":-8}"#).await;
    stage.wait("the refund", |_| !calls.of("refund").is_empty()).await;
    assert_eq!(calls.of("refund"), ["refund -8 ch--8"]);
    assert_eq!(stage.dead("checkout").len(), 1);
    stage.stop().await.expect("a good end");
}
