//! Before the transaction: an effect is called once for its event, however many deliveries want it.

use consumer_core::{
    effect::{ByHand, EffectState},
    operate::EffectLedger,
    testing::{Fault, Step},
};
use tokio::time::sleep;

use crate::{
    SECOND,
    gateway::{Gateway, Whim},
    shop,
    stage::{Stage, wait},
};

#[tokio::test(start_paused = true)]
async fn sixty_four_deliveries_of_one_event_in_two_processes_make_one_call() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Slow(18 * SECOND)]));
    for _ in 0..2 {
        stage.start(shop::app(&gateway)).await;
    }
    for _ in 0..64 {
        stage.publish("checkout", "a", "charge").await;
    }
    wait("the call", || gateway.calls().len() == 1).await;
    stage.publish("checkout", "b", "charge").await;
    wait("another event, whose worker is free meanwhile", || gateway.done() == 2).await;
    assert_eq!(stage.store.committed().len(), 1, "only the other one is through");
    stage.drained("checkout").await;
    assert_eq!((gateway.calls().len(), stage.store.committed()), (2, vec!["b".to_owned(), "a".to_owned()]));
    assert_eq!(stage.letters("checkout", "reason"), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_calls_nothing() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.start(shop::app(&gateway)).await;
    for _ in 0..3 {
        stage.publish("checkout", "a", "charge").await;
        stage.drained("checkout").await;
    }
    assert_eq!((gateway.calls().len(), stage.store.committed().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_id_that_was_used_before_calls_nothing_and_undoes_nothing() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.start(shop::app(&gateway)).await;
    stage.publish("checkout", "a", "charge").await;
    stage.drained("checkout").await;
    stage.publish("checkout", "a", "something else").await;
    stage.drained("checkout").await;
    assert_eq!(stage.letters("checkout", "reason"), ["id-reused"]);
    assert_eq!(stage.letters("checkout", "effects-done"), ["none"]);
    sleep(60 * SECOND).await;
    assert_eq!((gateway.calls().len(), gateway.calls_of("refund")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failed_handler_does_not_call_again() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.start(shop::app(&gateway)).await;
    stage.publish("checkout", "a", "late").await;
    stage.drained("checkout").await;
    assert_eq!((gateway.calls().len(), stage.store.committed().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_effect_without_a_claim_is_not_another_bodys_under_its_id() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.start(shop::app(&gateway)).await;
    for what in ["impossible", "five times as much", "impossible"] {
        stage.publish("checkout", "a", what).await;
        stage.drained("checkout").await;
    }
    assert_eq!(stage.letters("checkout", "reason"), ["permanent", "id-reused", "effect-compensated"]);
    assert_eq!((gateway.calls_of("charge"), stage.store.committed().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_effect_takes_the_result_of_the_one_before() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Works, Whim::Busy]));
    stage.start(shop::app(&gateway)).await;
    stage.publish("post", "a", "charge").await;
    stage.drained("post").await;
    assert_eq!((gateway.calls_of("charge"), gateway.calls_of("ship")), (1, 2));
    assert_eq!(stage.store.committed(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_is_an_attempt_of_its_event_which_comes_back_when_it_is_due() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Busy, Whim::Later(100 * SECOND)]));
    stage.start(shop::app(&gateway)).await;
    stage.publish("checkout", "a", "charge").await;
    stage.drained("checkout").await;
    let calls = gateway.calls();
    assert_eq!((calls.len(), stage.store.committed().len()), (3, 1));
    assert!(calls[2].at - calls[1].at >= 100 * SECOND);

    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Busy; 9]));
    stage.start(shop::app(&gateway)).await;
    stage.publish("checkout", "a", "charge").await;
    stage.drained("checkout").await;
    assert_eq!(stage.letters("checkout", "reason"), ["attempts-exhausted"]);
    assert_eq!(gateway.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_the_call_and_its_record_is_replayed_with_the_same_key_and_bytes() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Hangs]));
    let first = stage.start(shop::app(&gateway)).await;
    stage.publish("checkout", "a", "charge").await;
    wait("the call", || gateway.done() == 1).await;
    first.kill().await;
    stage.start(shop::app(&gateway)).await;
    stage.drained("checkout").await;
    assert_eq!((gateway.calls().len(), gateway.done(), stage.store.committed().len()), (2, 1, 1));
    gateway.assert_identical_bodies();
    assert_eq!(gateway.calls()[0].key, gateway.calls()[1].key);
}

#[tokio::test(start_paused = true)]
async fn a_refused_effect_is_a_dead_letter() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Declines]));
    stage.start(shop::app(&gateway)).await;
    for _ in 0..2 {
        stage.publish("checkout", "a", "charge").await;
        stage.drained("checkout").await;
    }
    assert_eq!(stage.letters("checkout", "reason"), ["effect-failed", "effect-failed"]);
    assert_eq!((gateway.calls().len(), stage.store.committed().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_nobody_knows_is_a_dead_letter_until_a_person_has_resolved_it() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::AnswerLost]));
    stage.start(shop::app(&gateway)).await;
    for _ in 0..2 {
        stage.publish("mails", "a", "mail").await;
        stage.drained("mails").await;
    }
    assert_eq!(stage.letters("mails", "reason"), ["effect-unknown", "effect-unknown"]);
    assert_eq!(stage.letters("mails", "effects-unknown"), ["receipt", "receipt"]);
    let row = stage.reaches("receipt", EffectState::Unknown).await;
    let ledger = EffectLedger::new(stage.store.clone());
    assert!(ledger.resolve(row.intent.id, &ByHand::Done("1".into())).await.expect("an answer"));
    stage.publish("mails", "a", "mail").await;
    stage.drained("mails").await;
    assert_eq!((gateway.calls().len(), stage.store.committed().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_is_away_burns_no_attempt() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    for step in [Step::Find, Step::StartEffect, Step::FinishEffect].repeat(4) {
        stage.store.fail(step, Fault::Lost);
    }
    stage.start(shop::app(&gateway)).await;
    stage.publish("checkout", "a", "charge").await;
    stage.drained("checkout").await;
    assert_eq!((gateway.calls().len(), stage.store.committed().len()), (1, 1));
    assert_eq!(stage.store.pending_faults(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_the_grace_is_left_to_its_lease() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Slow(18 * SECOND)]));
    let process = stage.start(shop::app(&gateway)).await;
    stage.publish("checkout", "a", "charge").await;
    wait("the call", || gateway.calls().len() == 1).await;
    process.stop().await;
    assert_eq!(stage.rows("charge").await[0].state, EffectState::Started);
    stage.start(shop::app(&gateway)).await;
    stage.drained("checkout").await;
    assert_eq!((gateway.calls().len(), gateway.done(), stage.store.committed().len()), (2, 1, 1));
}

/// Its row and its key would be those of the call that was made: it would never be called, and nobody would know.
#[tokio::test(start_paused = true)]
async fn an_effect_that_ran_before_is_scheduled_with_a_label_or_not_at_all() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.start(shop::app(&gateway)).await;
    stage.publish("tips", "a", "plain").await;
    stage.drained("tips").await;
    assert_eq!(stage.letters("tips", "reason"), ["permanent"]);
    let said = stage.letters("tips", "error").join("");
    assert!(said.contains("`charge`") && said.contains("schedule_labelled"), "{said}");
    stage.publish("tips", "b", "labelled").await;
    stage.drained("tips").await;
    wait("the refund, both charges and the tip", || gateway.done() == 4).await;
    assert_eq!(stage.store.committed(), ["b"]);
}
