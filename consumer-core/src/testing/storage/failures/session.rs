//! The session after each of these calls.

use super::desk::{Desk, RUNG, key, news, process};
use crate::{failure::RunnerId, storage::Storage};

/// A transaction that one of them left open would be undone, or be committed, with what comes next.
pub(super) async fn is_as_good_as_new_after_each<S: Storage>(desk: &Desk<S>) {
    let store = &desk.here;
    let mut session = Desk::open(store).await;
    let session = &mut session;
    let (consumer, event, runner) = (desk.consumer, key("1"), RunnerId::random());
    for round in 0..2 {
        let next = async |session: &mut S::Session, call: &str| {
            process(store, session, consumer, &format!("{round} {call}")).await;
            store.ping(session).await.expect("the session goes on");
        };
        store.find_failure(session, consumer, event).await.expect("a look");
        next(session, "find").await;
        store.record_failure(session, consumer, event, &news(RUNG)).await.expect("a record");
        assert!(desk.find("1").await.is_some(), "it is written when it is told");
        next(session, "record").await;
        store.survey_failures(session, consumer).await.expect("a survey");
        next(session, "survey").await;
        assert!(store.reset_failure(session, consumer, event).await.expect("a reset"));
        assert_eq!(desk.row("1").await.generation, 2, "it is written when it is told");
        next(session, "reset").await;
        assert!(!store.reset_failure(session, consumer, key("2")).await.expect("a reset"));
        next(session, "no reset").await;
        assert!(store.resolve_failure(session, consumer, event).await.expect("an end"));
        assert_eq!(desk.find("1").await, None, "it is written when it is told");
        next(session, "resolve").await;
        assert_eq!(store.mark_run(session, consumer, event, runner, false).await.expect("a mark"), 0);
        next(session, "mark").await;
        store.clear_run(session, consumer, event).await.expect("an end");
        next(session, "clear").await;
    }
}
