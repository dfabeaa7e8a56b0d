//! Failure records.

use std::time::Duration;

use consumer_core::{
    failure::FailureState,
    storage::{FailureStorage, Sessions},
};
use sqlx::Executor;

use crate::unit::{LIMITS, claim, news};

const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// While a version is rolled out, processes of two versions share the table.
#[tokio::test]
async fn what_a_newer_version_has_written_stops_nobody() {
    let (database, store, consumer) = super::start().await;
    let mut session = store.open(LIMITS).await.expect("a session");
    let key = claim(consumer, "1").key;
    store.record_failure(&mut session, consumer, key, &news()).await.expect("a record");
    let newer = "UPDATE event_failures SET state = 'parked', reason = 'bored', class = 'quantum'";
    database.connect().await.execute(newer).await.expect("a change");
    let found = store.find_failure(&mut session, consumer, key).await.expect("a look").expect("a record");
    assert_eq!((found.state, found.reason, found.class.as_str()), (FailureState::Dead, None, "quantum"));
    let survey = store.survey_failures(&mut session, consumer).await.expect("a survey");
    assert_eq!((survey.dead, survey.delayed), (1, 0));
    let young = store.sweep_failures(Duration::ZERO, WEEK, 10).await.expect("a sweep");
    assert_eq!(young.rows, 0, "it is kept like what is dead");
    let told = store.record_failure(&mut session, consumer, key, &news()).await.expect("a record");
    assert_eq!((told.state, told.delays, told.attempts), (FailureState::Delayed, 2, 6), "it counts on");
}

/// The largest numbers that any column takes.
#[tokio::test]
async fn counts_end_at_the_largest() {
    let (database, store, consumer) = super::start().await;
    let mut session = store.open(LIMITS).await.expect("a session");
    let key = claim(consumer, "1").key;
    store.record_failure(&mut session, consumer, key, &news()).await.expect("a record");
    let most = "UPDATE event_failures SET attempts = 2147483647";
    database.connect().await.execute(most).await.expect("a change");
    let told = store.record_failure(&mut session, consumer, key, &news()).await.expect("a record");
    assert!(told.attempts >= 2_147_483_647, "{told:?}");
    let found = store.find_failure(&mut session, consumer, key).await.expect("a look").expect("a record");
    assert_eq!(found.attempts, 2_147_483_647);
}
