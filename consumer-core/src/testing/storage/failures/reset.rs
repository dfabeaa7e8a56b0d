//! What people do to records: redrive, and resolve by hand.

use super::desk::{Desk, LONG, RUNG};
use crate::{
    failure::{FailureState, Wanted},
    message::Reason,
    storage::Storage,
};

pub(super) async fn begins_a_new_generation<S: Storage>(desk: &Desk<S>) {
    desk.fail("1", Wanted::Rung { rungs: 3, not_before: Some(LONG) }).await;
    let dead = desk.fail("1", Wanted::Dead(Reason::EffectFailed)).await;
    for generation in [2, 3] {
        assert!(desk.reset("1").await);
        let row = desk.row("1").await;
        assert_eq!((row.generation, row.attempts, row.delays), (generation, 0, 0), "its counts begin anew");
        assert_eq!((row.state, row.reason, row.not_before), (FailureState::Redriven, None, None));
        assert_eq!((&row.class, &row.error), (&dead.class, &dead.error), "what is known of it stays");
        assert_eq!((&row.event_id, &row.event_type), (&dead.event_id, &dead.event_type));
        assert!(row.first_failed >= dead.first_failed && row.last_failed <= row.first_failed);
    }
}

pub(super) async fn climbs_the_ladder_anew<S: Storage>(desk: &Desk<S>) {
    desk.fail("1", Wanted::Rung { rungs: 3, not_before: Some(LONG) }).await;
    assert!(desk.reset("1").await);
    assert_eq!(desk.row("1").await.not_before, None, "a person does not wait for what an error asked for");
    for _ in 0..3 {
        assert_eq!(desk.fail("1", RUNG).await.state, FailureState::Delayed);
    }
    let dead = desk.fail("1", RUNG).await;
    assert_eq!((dead.state, dead.generation, dead.attempts), (FailureState::Dead, 2, 12));
}

pub(super) async fn of_an_event_that_never_failed_is_refused<S: Storage>(desk: &Desk<S>) {
    desk.fail("1", RUNG).await;
    assert!(!desk.reset("2").await && !desk.resolve("2").await, "there is nothing to reset, nor to resolve");
    assert_eq!(desk.find("2").await, None, "and no record is made");
    assert!(desk.find("1").await.is_some(), "nor is another one touched");
}

pub(super) async fn by_hand_is_forgotten<S: Storage>(desk: &Desk<S>) {
    desk.fail("1", Wanted::Dead(Reason::Permanent)).await;
    assert!(desk.resolve("1").await);
    assert_eq!(desk.find("1").await, None);
    assert!(!desk.resolve("1").await, "of two who resolve one, one is told that it was done");
    let first = desk.fail("1", RUNG).await;
    assert_eq!((first.generation, first.attempts, first.delays), (1, 3, 1), "nothing is remembered of it");
}
