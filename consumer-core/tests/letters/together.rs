//! Two people at once, and one who goes away in the middle.

use std::{collections::BTreeSet, num::NonZeroU32};

use consumer_core::operate::{LetterFilter, Redrive};

use crate::{
    ledger::Repair,
    stage::{DEAD, QUEUE, Stage, wait},
};

fn unlimited() -> Redrive {
    Redrive { per_second: None, ..Redrive::default() }
}

#[tokio::test(start_paused = true)]
async fn two_redrives_at_once_lose_nothing_and_do_nothing_twice() {
    let stage = Stage::new().await;
    let ids = stage.bury_all(1000).await;
    stage.start(&Repair::done()).await;
    let (one, other) = (stage.person(), stage.person());
    let filter = LetterFilter::default();
    let options = unlimited();
    let (one, other) = tokio::join!(one.redrive(&filter, &options), other.redrive(&filter, &options));
    let (one, other) = (one.expect("redriven"), other.expect("redriven"));
    assert!(one.redriven > 0 && other.redriven > 0, "both had a part: {one:?} {other:?}");
    assert_eq!(stage.settled(DEAD).await, [""; 0]);
    stage.broker.drained(QUEUE).await;
    let mut committed = stage.store.committed();
    committed.sort();
    assert_eq!(committed, ids, "each once");
}

#[tokio::test(start_paused = true)]
async fn a_redrive_that_is_dropped_in_the_middle_loses_nothing() {
    let stage = Stage::new().await;
    let ids = stage.bury_all(300).await;
    for stop_after in [1, 40, 130] {
        let person = stage.person();
        let before = stage.ids(QUEUE).len();
        let options = Redrive { per_second: NonZeroU32::new(1000), ..Redrive::default() };
        let filter = LetterFilter::default();
        tokio::select! {
            _ = person.redrive(&filter, &options) => panic!("it was to be cut short"),
            () = wait("some to be redriven", || stage.ids(QUEUE).len() >= before + stop_after) => {}
        }
        let everywhere: BTreeSet<_> = stage.settled(DEAD).await.into_iter().chain(stage.ids(QUEUE)).collect();
        assert_eq!(everywhere.into_iter().collect::<Vec<_>>(), ids);
    }
    stage.start(&Repair::done()).await;
    stage.person().redrive(&LetterFilter::default(), &unlimited()).await.expect("redriven");
    stage.broker.drained(QUEUE).await;
    let mut committed = stage.store.committed();
    committed.sort();
    assert_eq!((committed, stage.settled(DEAD).await), (ids, vec![]));
}

/// Whoever has letters in hand has them alone, and the others do not wait for them.
#[tokio::test(start_paused = true)]
async fn a_look_beside_a_redrive_ends() {
    let stage = Stage::new().await;
    stage.bury_all(100).await;
    let person = stage.person();
    let slow = Redrive { per_second: NonZeroU32::new(1), ..Redrive::default() };
    let redriving = tokio::spawn(async move { person.redrive(&LetterFilter::default(), &slow).await });
    wait("the redrive", || stage.broker.unacked(DEAD) > 0).await;
    let seen = stage.person().list(&LetterFilter::default()).await.expect("a look");
    assert_eq!((seen.depth, seen.looked_at), (0, 0));
    assert_eq!(redriving.await.expect("no panic").expect("redriven").redriven, 100);
}
