//! Events that come more than once within a batch.

use consumer_tests::backend::Backend;

use crate::{
    Mode,
    yard::{Yard, instruction},
};

/// Different events of a batch.
const EVENTS: usize = 10;

async fn on_each(test: impl AsyncFn(&mut Yard)) {
    for backend in Backend::ALL {
        for mode in Mode::ALL {
            let Some(mut yard) = Yard::open(backend, mode).await else { continue };
            test(&mut yard).await;
            yard.close().await;
        }
    }
}

fn ids() -> impl Iterator<Item = String> {
    (0..EVENTS).map(|nth| format!("event-{nth}"))
}

#[tokio::test]
async fn an_event_that_is_in_a_batch_twice_takes_effect_once() {
    on_each(async |yard| {
        let messages = ids().chain(ids()).map(|id| instruction(&id, "works"));
        let left = yard.play(messages.collect()).await;
        yard.assert_claimed(&left).await;
        assert!(left.dead.is_empty(), "{yard}: {:?}", left.dead);
        assert_eq!(left.effects, ids().map(|id| (id, 1)).collect(), "{yard}");
        assert_eq!(yard.log.counts()["event-0"], 1, "{yard}");
    })
    .await;
}

#[tokio::test]
async fn an_id_that_a_batch_has_for_two_bodies_is_never_skipped() {
    on_each(async |yard| {
        let mut messages: Vec<_> = ids().map(|id| instruction(&id, "works")).collect();
        messages.insert(EVENTS / 2, instruction("event-0", "works differently"));
        let left = yard.play(messages).await;
        yard.assert_claimed(&left).await;
        assert_eq!(left.effects, ids().map(|id| (id, 1)).collect(), "{yard}");
        let reasons: Vec<_> = left.dead.iter().collect();
        assert_eq!(reasons, [(&"event-0".to_owned(), &vec!["id-reused".to_owned()])], "{yard}");
        assert_eq!(yard.log.counts()["event-0"], 1, "{yard}");
    })
    .await;
}

#[tokio::test]
async fn a_repeat_of_an_event_whose_batch_fails_takes_effect_once() {
    on_each(async |yard| {
        let mut messages: Vec<_> = ids().chain(ids()).map(|id| instruction(&id, "works")).collect();
        messages.push(instruction("poison", "poison"));
        let left = yard.play(messages).await;
        yard.assert_claimed(&left).await;
        assert_eq!(left.effects, ids().map(|id| (id, 1)).collect(), "{yard}");
        assert_eq!(left.dead.keys().collect::<Vec<_>>(), ["poison"], "{yard}");
    })
    .await;
}

/// Most of it comes when its events are committed, in batches without anything new.
#[tokio::test]
async fn a_storm_of_duplicates_calls_no_handler_again() {
    on_each(async |yard| {
        let storm = (0..50).flat_map(|_| ids()).map(|id| instruction(&id, "works"));
        let left = yard.play(storm.collect()).await;
        yard.assert_claimed(&left).await;
        assert!(left.dead.is_empty(), "{yard}: {:?}", left.dead);
        assert_eq!(left.effects, ids().map(|id| (id, 1)).collect(), "{yard}");
        assert!(ids().all(|id| yard.log.counts()[&id] == 1), "{yard}: {:?}", yard.log.counts());
    })
    .await;
}
