//! Batches and lanes: what commits together, what goes alone afterwards, and in which order.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use consumer::{
    App, Class,
    broker::{Binding, Broker as _, QueueSpec},
    handler::{ConsumerConfig, HandlerError},
    memory::MemoryBroker,
    prelude::*,
    retry::RetryPolicy,
    testing::{Fault, MemoryStore, Step},
};
use consumer_tests::stage::{Stage, message};

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "step", version = 1)]
struct Walked {
    #[event(key)]
    who: String,
    step: u32,
}

/// The events of one call: who, and which step.
type Call = Vec<(String, u32)>;

/// What the handlers were called with, in order.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    fn note(&self, events: impl IntoIterator<Item = (String, u32)>) {
        self.0.lock().expect("no panic").push(events.into_iter().collect());
    }

    fn all(&self) -> Vec<(String, u32)> {
        self.0.lock().expect("no panic").concat()
    }

    fn sizes(&self) -> Vec<usize> {
        self.0.lock().expect("no panic").iter().map(Vec::len).collect()
    }
}

/// `refuses` is refused for good, `panics` panics, everybody else walks on.
fn walk(event: &Walked) -> Result<(), HandlerError> {
    match event.who.as_str() {
        "refuses" => Err(HandlerError::permanent("not me")),
        "panics" => panic!("as asked"),
        _ => Ok(()),
    }
}

#[consumer(name = "each", queue = "steps", batch = 8)]
async fn each(event: Walked, State(calls): State<Calls>) -> Result<(), HandlerError> {
    calls.note([(event.who.clone(), event.step)]);
    walk(&event)
}

#[consumer(name = "together", queue = "steps", batch = 8)]
async fn together(
    events: Batch<Walked>,
    State(calls): State<Calls>,
    outbox: BatchOutbox<'_>,
) -> Result<BatchFailures, HandlerError> {
    calls.note(events.events().map(|event| (event.who.clone(), event.step)));
    let mut failures = BatchFailures::new();
    for item in &events {
        outbox.of(item).publish(&item.event);
        if let Err(error) = walk(&item.event) {
            failures.fail(item, error);
        }
    }
    Ok(failures)
}

#[consumer(name = "alone", queue = "steps")]
async fn alone(event: Walked, State(calls): State<Calls>) -> Result<(), HandlerError> {
    calls.note([(event.who.clone(), event.step)]);
    tokio::time::sleep(Duration::from_millis(u64::from(event.step % 3))).await;
    Ok(())
}

fn one_worker(config: ConsumerConfig) -> ConsumerConfig {
    config.concurrency(1).retry(RetryPolicy::never())
}

async fn publish(stage: &Stage, id: &str, who: &str, step: u32) {
    stage.publish_message("steps", message(id, "step", &body(who, step))).await;
}

fn body(who: &str, step: u32) -> String {
    format!(r#"{{"who":"{who}","step":{step}}}"#)
}

/// Publishes while the consumer is paused, so that everything is there when it goes on, then waits until all is settled.
async fn play(stage: &Stage, consumer: &str, events: &[(&str, &str, u32)]) {
    let handle = stage.handle.consumer(consumer).expect("a consumer");
    handle.pause();
    for (id, who, step) in events {
        publish(stage, id, who, *step).await;
    }
    stage.wait("all to be here", |s| s.broker.unacked("steps") == events.len()).await;
    handle.resume();
    stage.drained("steps").await;
}

async fn of_each(store: &MemoryStore, calls: &Calls) -> Stage {
    let app = App::new().state(calls.clone()).register_with::<each>(one_worker);
    Stage::start(store.clone(), Default::default(), app).await
}

async fn of_together(store: &MemoryStore, calls: &Calls) -> Stage {
    let app = App::new().state(calls.clone()).register_with::<together>(one_worker);
    Stage::start(store.clone(), Default::default(), app).await
}

#[tokio::test(start_paused = true)]
async fn a_batch_takes_each_event_once_in_the_order_of_its_keys() {
    let (store, calls) = (MemoryStore::new(), Calls::default());
    let stage = of_together(&store, &calls).await;
    play(&stage, "together", &[("1", "b", 1), ("2", "a", 1), ("3", "b", 2), ("1", "b", 1), ("4", "a", 2)])
        .await;
    let expected = [("a", 1), ("a", 2), ("b", 1), ("b", 2)].map(|(who, step)| (who.to_owned(), step));
    assert_eq!(calls.all(), expected);
    assert_eq!(calls.sizes(), [4], "one call, the repeated delivery is no event of its own");
    let mut committed = store.committed();
    committed.sort_unstable();
    assert_eq!(committed, ["1", "2", "3", "4"]);
    assert_eq!(stage.dead("steps"), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn another_body_under_an_id_of_the_same_batch_is_never_skipped() {
    for batch in ["each", "together"] {
        let (store, calls) = (MemoryStore::new(), Calls::default());
        let stage = match batch {
            "each" => of_each(&store, &calls).await,
            _ => of_together(&store, &calls).await,
        };
        play(&stage, batch, &[("1", "a", 1), ("1", "a", 2), ("2", "b", 1)]).await;
        assert_eq!(stage.dead("steps"), ["id-reused"]);
        assert_eq!(store.committed().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_undoes_its_batch_and_is_the_only_one_to_die() {
    for poison in ["refuses", "panics"] {
        let (store, calls) = (MemoryStore::new(), Calls::default());
        let stage = of_each(&store, &calls).await;
        play(&stage, "each", &[("1", "a", 1), ("2", "z", 1), ("3", poison, 1), ("4", "b", 1)]).await;
        let mut committed = store.committed();
        committed.sort_unstable();
        assert_eq!(committed, ["1", "2", "4"], "{poison}");
        assert_eq!(stage.dead("steps").len(), 1, "{poison}");
        let again = calls.all().iter().filter(|(who, _)| who == "a").count();
        assert_eq!(again, 2, "it ran in the batch, and by itself");
    }
}

#[tokio::test(start_paused = true)]
async fn a_verdict_for_one_event_lets_the_others_commit() {
    let (store, calls) = (MemoryStore::new(), Calls::default());
    let stage = of_together(&store, &calls).await;
    play(&stage, "together", &[("1", "a", 1), ("2", "refuses", 1), ("3", "z", 1)]).await;
    let mut committed = store.committed();
    committed.sort_unstable();
    assert_eq!(committed, ["1", "3"]);
    assert_eq!((stage.dead("steps"), calls.sizes()), (vec!["permanent".to_owned()], vec![3, 1]));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_cannot_commit_goes_one_by_one() {
    let events = [("1", "a", 1), ("2", "b", 1), ("3", "c", 1)];
    let faults = [
        (Step::Begin, Fault::Error(Class::ServerAway)),
        (Step::Claim, Fault::Error(Class::Conflict)),
        (Step::Commit, Fault::Error(Class::Conflict)),
        (Step::Commit, Fault::Lost),
        (Step::Commit, Fault::RequestLost),
        (Step::Commit, Fault::ReplyLost),
        (Step::Commit, Fault::Swallowed),
        (Step::Commit, Fault::EndedByRollback),
    ];
    for (step, fault) in faults {
        let (store, calls) = (MemoryStore::new(), Calls::default());
        let stage = of_each(&store, &calls).await;
        store.fail(step, fault);
        play(&stage, "each", &events).await;
        let mut committed = store.committed();
        committed.sort_unstable();
        assert_eq!(committed, ["1", "2", "3"], "{step:?} {fault:?}");
        assert_eq!(stage.dead("steps"), [] as [&str; 0], "{step:?} {fault:?}");
    }
}

/// Its claims are committed, what it sends is not: another delivery would pass for a duplicate.
#[tokio::test(start_paused = true)]
async fn a_batch_that_a_handler_has_committed_is_dead_and_not_skipped() {
    let (store, calls) = (MemoryStore::new(), Calls::default());
    let stage = of_each(&store, &calls).await;
    store.fail(Step::Commit, Fault::EndedByCommit);
    play(&stage, "each", &[("1", "a", 1), ("2", "b", 1)]).await;
    assert_eq!(stage.dead("steps"), ["transaction-ended"; 2]);
}

#[tokio::test(start_paused = true)]
async fn what_a_batch_sends_names_its_causes_and_leaves_out_the_undecided() {
    let (store, calls, broker) = (MemoryStore::new(), Calls::default(), MemoryBroker::new());
    let mut heard = QueueSpec::new("heard");
    heard.bindings.push(Binding { exchange: "amq.topic".into(), routing_key: "step".into() });
    broker.prepare(&[heard]).await.expect("a queue");
    let app = App::new().state(calls.clone()).register_with::<together>(one_worker);
    let stage = Stage::start(store.clone(), broker, app).await;
    play(&stage, "together", &[("1", "a", 1), ("2", "refuses", 1), ("3", "b", 1)]).await;
    stage.wait("two events", |s| s.broker.depth("heard") == 2).await;
    let causes = stage.broker.messages("heard").into_iter().map(|event| event.properties.correlation_id);
    assert_eq!(causes.collect::<Vec<_>>(), [Some("1".to_owned()), Some("3".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn events_of_one_key_are_handled_in_order_by_any_number_of_workers() {
    let (store, calls) = (MemoryStore::new(), Calls::default());
    let app = App::new().state(calls.clone()).register_with::<alone>(|c| c.concurrency(8).prefetch(64));
    let stage = Stage::start(store.clone(), Default::default(), app).await;
    for step in 0..40 {
        for who in ["a", "b", "c"] {
            publish(&stage, &format!("{who}{step}"), who, step).await;
        }
    }
    stage.drained("steps").await;
    for who in ["a", "b", "c"] {
        let steps: Vec<_> = calls.all().into_iter().filter(|(w, _)| w == who).map(|(_, step)| step).collect();
        assert_eq!(steps, (0..40).collect::<Vec<_>>(), "{who}");
    }
}

/// One at a time: the hot key has its worker busy, and the seven others are for everybody else.
#[tokio::test(start_paused = true)]
async fn a_hot_key_keeps_one_worker_busy_and_no_other_key_waiting() {
    #[consumer(name = "hot", queue = "steps")]
    async fn hot(event: Walked, State(calls): State<Calls>) -> Result<(), HandlerError> {
        if event.who == "hot" {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        calls.note([(event.who, event.step)]);
        Ok(())
    }
    let (store, calls) = (MemoryStore::new(), Calls::default());
    let app = App::new().state(calls.clone()).register_with::<hot>(|c| c.concurrency(8).prefetch(64));
    let stage = Stage::start(store.clone(), Default::default(), app).await;
    for step in 0..20 {
        publish(&stage, &format!("hot{step}"), "hot", step).await;
    }
    for step in 0..20 {
        publish(&stage, &format!("cold{step}"), &format!("cold{step}"), step).await;
    }
    stage.wait("the cold ones", |_| calls.all().iter().filter(|(who, _)| who != "hot").count() == 20).await;
    let hot_ones = calls.all().iter().filter(|(who, _)| who == "hot").count();
    assert!(hot_ones <= 1, "{hot_ones} of the hot ones were waited for");
}

/// A delivery that was delivered before is marked in the database before anybody reads it, and what comes after it waits.
#[tokio::test(start_paused = true)]
async fn what_is_delivered_again_keeps_its_place() {
    let (store, calls) = (MemoryStore::new(), Calls::default());
    let app = || App::new().state(calls.clone()).register_with::<alone>(|c| c.concurrency(8).prefetch(64));
    let first = Stage::start(store.clone(), Default::default(), app()).await;
    let broker = first.broker.clone();
    first.handle.consumer("alone").expect("a consumer").pause();
    for step in 0..30 {
        publish(&first, &format!("a{step}"), "a", step).await;
    }
    first.wait("all to be here", |s| s.broker.unacked("steps") == 30).await;
    first.stop().await.expect("a good end");
    let second = Stage::start(store.clone(), broker, app()).await;
    for step in 30..40 {
        publish(&second, &format!("a{step}"), "a", step).await;
    }
    second.drained("steps").await;
    let steps: Vec<_> = calls.all().into_iter().map(|(_, step)| step).collect();
    assert_eq!(steps, (0..40).collect::<Vec<_>>());
    assert_eq!(store.marks(), 0);
}

/// It is filled after the commit only, so that what it skips was committed.
#[tokio::test(start_paused = true)]
async fn recent_events_are_skipped_without_the_database() {
    let (store, calls) = (MemoryStore::new(), Calls::default());
    let app = App::new().state(calls.clone()).register_with::<alone>(|c| one_worker(c).recent_events(100));
    let stage = Stage::start(store.clone(), Default::default(), app).await;
    play(&stage, "alone", &[("1", "a", 1)]).await;
    store.break_down(Step::Begin, Fault::Error(Class::ServerAway));
    play(&stage, "alone", &[("1", "a", 1), ("1", "a", 1)]).await;
    store.repair();
    assert_eq!((store.committed().len(), calls.all().len()), (1, 1));
}
