//! After the commit: what was scheduled is called once, however its callers fare.

use consumer_core::{
    Class,
    effect::{ByHand, EffectState},
    handler::Failed,
    operate::EffectLedger,
    runtime::EffectsConfig,
    testing::{Fault, Step},
};
use tokio::time::{Instant, sleep};

use crate::{
    SECOND,
    gateway::{Gateway, Whim},
    shop::{self, Money},
    stage::{Stage, wait},
};

#[tokio::test(start_paused = true)]
async fn what_commits_is_called_once_with_the_bytes_that_were_stored() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "charge").await;
    let row = stage.reaches("charge", EffectState::Done).await;
    let calls = gateway.calls();
    assert_eq!((calls.len(), row.attempts, gateway.done()), (1, 1, 1));
    assert_eq!(calls[0].body.as_bytes(), row.intent.request);
    assert_eq!(calls[0].key, row.intent.key.as_str());
    assert_eq!(row.result.as_deref(), Some(&b"1"[..]));
}

#[tokio::test(start_paused = true)]
async fn what_rolls_back_schedules_nothing() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.start(shop::app(&gateway)).await;
    stage.store.fail(Step::Commit, Fault::Error(Class::Permanent));
    for (id, what) in [("refused", "charge"), ("impossible", "impossible"), ("twice", "twice")] {
        stage.publish("orders", id, what).await;
        stage.drained("orders").await;
    }
    sleep(60 * SECOND).await;
    assert_eq!((gateway.calls(), stage.rows("charge").await.len()), (vec![], 0));
    assert_eq!(stage.letters("orders", "reason"), ["permanent"; 3]);
}

#[tokio::test(start_paused = true)]
async fn two_labels_are_two_calls() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "two").await;
    wait("both", || gateway.done() == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_wakes_the_runner() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    let rarely = EffectsConfig::new().poll(3600 * SECOND);
    stage.start_with(shop::app(&gateway), rarely).await;
    stage.publish("orders", "a", "charge").await;
    wait("the call", || gateway.done() == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_the_call_and_its_record_repeats_the_same_call() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Hangs]));
    let first = stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "charge").await;
    wait("the call", || gateway.done() == 1).await;
    first.kill().await;
    assert_eq!(stage.rows("charge").await[0].state, EffectState::Started);

    stage.start(shop::app(&gateway)).await;
    let row = stage.reaches("charge", EffectState::Done).await;
    let calls = gateway.calls();
    assert_eq!((calls.len(), gateway.done(), row.attempts), (2, 1, 2));
    assert_eq!((&calls[0].key, &calls[0].body), (&calls[1].key, &calls[1].body));
    assert!(calls[1].at - calls[0].at >= 29 * SECOND, "not before the lease has run out");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_longer_than_its_lease_keeps_it() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Slow(15 * SECOND)]));
    let short = EffectsConfig::new().lease(SECOND);
    for _ in 0..2 {
        stage.start_with(shop::app(&gateway), short).await;
    }
    stage.publish("orders", "a", "charge").await;
    let row = stage.reaches("charge", EffectState::Done).await;
    assert_eq!((gateway.calls().len(), row.attempts, row.uncertain), (1, 1, false));
}

#[tokio::test(start_paused = true)]
async fn a_result_that_comes_too_late_is_evidence() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Slow(15 * SECOND)]));
    for _ in 0..12 {
        stage.store.fail(Step::RenewEffect, Fault::Lost);
    }
    let short = EffectsConfig::new().lease(3 * SECOND);
    for _ in 0..2 {
        stage.start_with(shop::app(&gateway), short).await;
    }
    stage.publish("orders", "a", "charge").await;
    stage.reaches("charge", EffectState::Done).await;
    assert_eq!(gateway.calls().len(), 2, "the second one took it for dead");
    sleep(30 * SECOND).await;
    let row = stage.reaches("charge", EffectState::Done).await;
    assert!(row.evidence.is_some_and(|evidence| evidence.contains("ended too late")));
    assert_eq!(gateway.done(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unkeyed_call_that_may_have_worked_is_never_repeated() {
    for whim in [Whim::AnswerLost, Whim::RequestLost, Whim::Panics, Whim::Hangs] {
        let (stage, gateway) = (Stage::new(), Gateway::with(&[whim]));
        stage.start(shop::app(&gateway)).await;
        stage.publish("orders", "a", "receipt").await;
        stage.reaches("receipt", EffectState::Unknown).await;
        sleep(3600 * SECOND).await;
        assert_eq!(gateway.calls().len(), 1, "{whim:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unkeyed_call_whose_caller_has_died_is_never_repeated() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Hangs]));
    let first = stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "receipt").await;
    wait("the call", || gateway.done() == 1).await;
    first.kill().await;
    stage.start(shop::app(&gateway)).await;
    stage.reaches("receipt", EffectState::Unknown).await;
    assert_eq!(gateway.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unkeyed_call_that_did_nothing_is_repeated() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Busy, Whim::Busy]));
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "receipt").await;
    stage.reaches("receipt", EffectState::Done).await;
    assert_eq!((gateway.calls().len(), gateway.done()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_can_be_asked_is_asked_instead_of_called_again() {
    for (whim, calls) in [(Whim::AnswerLost, 1), (Whim::RequestLost, 2)] {
        let (stage, gateway) = (Stage::new(), Gateway::with(&[whim]));
        stage.start(shop::app(&gateway)).await;
        stage.publish("orders", "a", "parcel").await;
        let row = stage.reaches("parcel", EffectState::Done).await;
        assert_eq!((gateway.calls().len(), gateway.done()), (calls, 1), "{whim:?}");
        assert_eq!(row.result.as_deref(), Some(&b"1"[..]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_provider_has_forgotten_is_not_used_again() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::AnswerLost; 9]));
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "brief").await;
    stage.reaches("brief", EffectState::Unknown).await;
    let calls = gateway.calls();
    let last = calls.last().expect("calls").at - calls[0].at;
    assert!(calls.len() > 2 && calls.len() < 9 && last <= 32 * SECOND, "{} calls in {last:?}", calls.len());
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_to_wait_is_left_alone_for_so_long() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Later(500 * SECOND)]));
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "charge").await;
    stage.reaches("charge", EffectState::Done).await;
    let calls = gateway.calls();
    let waited = calls[1].at - calls[0].at;
    assert!(waited >= 500 * SECOND && waited < 503 * SECOND, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_and_a_panic_are_repeated_with_the_same_key_and_bytes() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Hangs, Whim::Panics]));
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "charge").await;
    stage.reaches("charge", EffectState::Done).await;
    assert_eq!((gateway.calls().len(), gateway.done()), (3, 1));
    gateway.assert_identical_bodies();
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_fails_as_often_as_it_may_is_given_up_and_its_consumer_is_told_once() {
    for (whim, state, not_done) in
        [(Whim::Busy, EffectState::Failed, true), (Whim::AnswerLost, EffectState::Unknown, false)]
    {
        let (stage, gateway) = (Stage::new(), Gateway::with(&[whim; 9]));
        stage.start(shop::app(&gateway)).await;
        stage.publish("orders", "a", "charge").await;
        let row = stage.reaches("charge", state).await;
        assert_eq!((gateway.calls().len(), row.attempts), (4, 4));
        told(&stage, not_done, "a");
    }
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_is_refused_is_given_up_at_once() {
    for whim in [Whim::Refuses, Whim::Declines] {
        let (stage, gateway) = (Stage::new(), Gateway::with(&[whim]));
        stage.start(shop::app(&gateway)).await;
        stage.publish("orders", "a", "charge").await;
        stage.reaches("charge", EffectState::Failed).await;
        assert_eq!(gateway.calls().len(), 1);
        told(&stage, true, "a");
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_whose_reply_is_lost_tells_nobody_twice() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Refuses]));
    stage.store.fail(Step::FinishEffect, Fault::Lost);
    stage.store.fail(Step::FinishEffect, Fault::ReplyLost);
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "charge").await;
    stage.reaches("charge", EffectState::Failed).await;
    sleep(60 * SECOND).await;
    assert_eq!((stage.store.pending_faults(), gateway.calls().len()), (0, 1));
    told(&stage, true, "a");
}

/// The one event about it is on its way to the consumer's queue.
fn told(stage: &Stage, not_done: bool, event: &str) {
    let outbox = stage.outbox();
    assert_eq!(outbox.len(), 1, "{outbox:?}");
    let row = &outbox[0].row.event;
    assert_eq!((row.exchange.as_deref(), row.routing_key.as_str()), (Some(""), "accounting"));
    assert_eq!(row.causation_id.as_deref(), Some(event));
    let failed: Failed<Money> = serde_json::from_slice(&row.data).expect("the event");
    assert_eq!((failed.effect.as_str(), failed.not_done, failed.payload.cents), ("charge", not_done, 6));
    assert_eq!(failed.event_id, event);
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_failed_again_after_a_release_is_told_again() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Refuses, Whim::Refuses]));
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "charge").await;
    let row = stage.reaches("charge", EffectState::Failed).await;
    assert!(EffectLedger::new(stage.store.clone()).release(row.intent.id).await.expect("a release"));
    wait("the second call", || gateway.calls().len() == 2).await;
    stage.reaches("charge", EffectState::Failed).await;
    let outbox = stage.outbox();
    assert_eq!(outbox.len(), 2);
    assert_ne!(outbox[0].row.event.id, outbox[1].row.event.id);
    let calls = gateway.calls();
    assert_eq!((&calls[0].key, &calls[0].body), (&calls[1].key, &calls[1].body));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_has_resolved_is_not_called() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::AnswerLost]));
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "receipt").await;
    let row = stage.reaches("receipt", EffectState::Unknown).await;
    let ledger = EffectLedger::new(stage.store.clone());
    assert!(ledger.resolve(row.intent.id, &ByHand::Done("1".into())).await.expect("an answer"));
    sleep(3600 * SECOND).await;
    assert_eq!(stage.reaches("receipt", EffectState::Done).await.attempts, 1);
    assert_eq!(gateway.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_effect_of_another_app_is_left_to_it() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    let first = stage.start(shop::app(&gateway)).await;
    stage.store.fail(Step::LeaseEffects, Fault::Lost);
    stage.publish("orders", "a", "charge").await;
    stage.drained("orders").await;
    first.kill().await;
    let before = gateway.calls().len();
    let stranger = stage.start(shop::without_charge(&gateway)).await;
    sleep(3600 * SECOND).await;
    let rows = stage.rows("charge").await;
    assert_eq!((gateway.calls().len(), rows[0].state), (before, EffectState::Planned), "{rows:?}");
    stranger.stop().await;
    stage.start(shop::app(&gateway)).await;
    stage.reaches("charge", EffectState::Done).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_without_consumers_calls_what_others_have_scheduled() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Hangs]));
    let first = stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "parcel").await;
    wait("the call", || gateway.calls().len() == 1).await;
    first.kill().await;
    let runner = stage.start(shop::runner(&gateway)).await;
    stage.reaches("parcel", EffectState::Done).await;
    assert_eq!(gateway.done(), 1);
    runner.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_call_and_begins_none() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Slow(3 * SECOND)]));
    let process = stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "charge").await;
    wait("the call", || gateway.calls().len() == 1).await;
    process.stop().await;
    assert_eq!(stage.rows("charge").await[0].state, EffectState::Done);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_the_grace_is_left_to_its_lease() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Slow(18 * SECOND)]));
    let process = stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "charge").await;
    wait("the call", || gateway.calls().len() == 1).await;
    process.stop().await;
    let rows = stage.rows("charge").await;
    assert_eq!((rows[0].state, rows[0].attempts), (EffectState::Started, 0));
    stage.start(shop::app(&gateway)).await;
    stage.reaches("charge", EffectState::Done).await;
    assert_eq!((gateway.calls().len(), gateway.done()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_away_loses_no_result() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    for _ in 0..5 {
        stage.store.fail(Step::FinishEffect, Fault::Lost);
    }
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "receipt").await;
    stage.reaches("receipt", EffectState::Done).await;
    assert_eq!((gateway.calls().len(), stage.store.pending_faults()), (1, 0));
}

/// On threads, and often: who of the two hears first is up to them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_runner_that_hears_of_a_stop_first_has_not_died() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    for _ in 0..256 {
        let process = stage.start(shop::app(&gateway)).await;
        process.stop().await;
    }
}

/// Otherwise the outage of one provider is an outage of all.
#[tokio::test(start_paused = true)]
async fn an_effect_whose_provider_hangs_keeps_no_other_from_being_called() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    let few = EffectsConfig::new().concurrency(2);
    gateway.hang("charge");
    stage.start_with(shop::app(&gateway), few).await;
    for id in ["a", "b", "c", "d", "e"] {
        stage.publish("orders", id, "charge").await;
    }
    wait("as many calls as are allowed", || gateway.calls_of("charge") == 2).await;
    let before = Instant::now();
    for id in ["f", "g", "h"] {
        stage.publish("orders", id, "receipt").await;
    }
    wait("all receipts", || gateway.calls_of("receipt") == 3).await;
    assert!(before.elapsed() < 10 * SECOND, "{:?}", before.elapsed());
    assert_eq!(gateway.calls_of("charge"), 2, "no more at once than are allowed");
}

/// A call that ends makes room at once, not at the next look.
#[tokio::test(start_paused = true)]
async fn a_backlog_is_worked_off_without_waiting_for_the_next_look() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    let config = EffectsConfig::new().concurrency(2).poll(3600 * SECOND);
    stage.start_with(shop::app(&gateway), config).await;
    for id in 0..20 {
        stage.publish("orders", &id.to_string(), if id % 2 == 0 { "charge" } else { "receipt" }).await;
    }
    let before = Instant::now();
    wait("all of them", || gateway.done() == 20).await;
    assert!(before.elapsed() < 60 * SECOND, "{:?}", before.elapsed());
}
