//! A dead letter undoes what was done for its event, once, or says what was not undone.

use consumer_core::{
    Class,
    effect::EffectState,
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
async fn an_event_that_is_given_up_has_its_effect_undone_once() {
    for what in ["impossible", "hopeless"] {
        let (stage, gateway) = (Stage::new(), Gateway::default());
        stage.start(shop::app(&gateway)).await;
        for _ in 0..3 {
            stage.publish("checkout", "a", what).await;
            stage.drained("checkout").await;
        }
        let first = if what == "impossible" { "permanent" } else { "attempts-exhausted" };
        assert_eq!(stage.letters("checkout", "reason"), [first, "effect-compensated", "effect-compensated"]);
        assert_eq!(stage.letters("checkout", "effects-compensated"), ["charge"; 3]);
        let row = stage.reaches("refund", EffectState::Done).await;
        assert_eq!(row.intent.label, "charge");
        sleep(60 * SECOND).await;
        assert_eq!((gateway.calls_of("charge"), gateway.calls_of("refund")), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_the_undoing_and_the_letter_undoes_nothing_twice() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Slow(3 * SECOND)]));
    let first = stage.start(shop::app(&gateway)).await;
    stage.publish("checkout", "a", "impossible").await;
    wait("the call", || gateway.calls().len() == 1).await;
    stage.broker.block("no letter leaves");
    stage.reaches("refund", EffectState::Done).await;
    assert_eq!(stage.letters("checkout", "reason"), [""; 0]);
    first.kill().await;

    stage.broker.recover();
    stage.start(shop::app(&gateway)).await;
    stage.drained("checkout").await;
    sleep(60 * SECOND).await;
    assert_eq!(stage.letters("checkout", "reason"), ["effect-compensated"]);
    assert_eq!(stage.letters("checkout", "effects-compensated"), ["charge"]);
    assert_eq!((gateway.calls_of("charge"), gateway.calls_of("refund")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_nothing_undoes_is_named_in_the_letter() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.start(shop::app(&gateway)).await;
    stage.publish("mails", "a", "impossible").await;
    stage.drained("mails").await;
    assert_eq!(stage.letters("mails", "effects-done"), ["receipt"]);
    assert_eq!(stage.letters("mails", "effects-compensated"), ["none"]);
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_fails_has_the_ones_before_it_undone() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::Works, Whim::Declines]));
    stage.start(shop::app(&gateway)).await;
    stage.publish("post", "a", "charge").await;
    stage.drained("post").await;
    assert_eq!(stage.letters("post", "reason"), ["effect-failed"]);
    assert_eq!(stage.letters("post", "effects-compensated"), ["charge"]);
    stage.reaches("refund", EffectState::Done).await;
}

/// The other delivery is let in when this one is rolled back, and is at work when this one, after a pause, is given up.
#[tokio::test(start_paused = true)]
async fn an_effect_is_not_undone_beside_a_delivery_that_uses_it() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.store.fail(Step::Commit, Fault::Error(Class::Permanent));
    stage.start(shop::app(&gateway)).await;
    stage.publish("counter", "a", "charge").await;
    wait("the call of the one", || gateway.done() == 1).await;
    stage.publish("counter", "a", "charge").await;
    sleep(SECOND / 2).await;
    stage.store.fail(Step::Find, Fault::Lost);
    stage.drained("counter").await;
    sleep(60 * SECOND).await;
    assert_eq!(stage.store.committed(), ["a"]);
    assert_eq!((gateway.calls_of("charge"), gateway.calls_of("refund")), (1, 0), "what was used stays done");
    assert_eq!(stage.letters("counter", "reason"), [""; 0], "the event is processed");
}

/// The other delivery has the result in its hands before it is undone.
#[tokio::test(start_paused = true)]
async fn a_delivery_does_not_use_an_effect_that_was_undone_meanwhile() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.start(shop::app(&gateway)).await;
    for _ in 0..2 {
        stage.publish("counter", "a", "impossible").await;
    }
    stage.drained("counter").await;
    assert_eq!(stage.store.committed(), [""; 0]);
    let mut reasons = stage.letters("counter", "reason");
    reasons.sort();
    assert_eq!(reasons, ["effect-compensated", "permanent"]);
    stage.reaches("refund", EffectState::Done).await;
    assert_eq!((gateway.calls_of("charge"), gateway.calls_of("refund")), (1, 1));
}
