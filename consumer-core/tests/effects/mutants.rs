//! The classic mistakes: each test passes, and fails in a build that makes its mistake.

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
async fn mutant_key_with_attempt() {
    let (stage, gateway) = (Stage::new(), Gateway::with(&[Whim::AnswerLost]));
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "charge").await;
    stage.reaches("charge", EffectState::Done).await;
    assert_eq!((gateway.calls().len(), gateway.done()), (2, 1), "the customer was charged twice");
}

#[tokio::test(start_paused = true)]
async fn mutant_effect_inside_transaction() {
    let (stage, gateway) = (Stage::new(), Gateway::default());
    stage.store.fail(Step::Commit, Fault::Error(Class::Permanent));
    stage.start(shop::app(&gateway)).await;
    stage.publish("orders", "a", "charge").await;
    wait("the dead letter", || !stage.letters("orders", "reason").is_empty()).await;
    sleep(60 * SECOND).await;
    assert_eq!(gateway.done(), 0, "a transaction that never was has charged a customer");
}
