//! Writing events with a unit.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::future::{join, join_all};

use super::{
    Ending, SuiteStorage,
    outbox_stage::{ALL, LONG, Relay, keyless, of},
    stage::{Process, in_time, process},
};
use crate::{
    classify::Class,
    departures::Departures,
    outbox::OutboxEvent,
    storage::{Commit, Storage},
};

const WRITERS: usize = 6;
const UNITS: usize = 12;

/// More than the runtime would allow: here nobody waits between two conflicts.
const CONFLICTS: usize = 100;

pub(super) async fn keeps_every_byte<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let full = OutboxEvent {
        version: u32::MAX,
        exchange: Some("ß exchange".to_owned()),
        routing_key: "a.*.#'\"\\%_🦀".to_owned(),
        headers: r#"{"x-tenant":"\u0000 é","x-number":-1}"#.to_owned(),
        correlation_id: Some(" c ".to_owned()),
        causation_id: Some("d\u{202e}".repeat(2000)),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        content_type: "application/octet-stream".to_owned(),
        data: (0..300_000).map(|i| i as u8).collect::<Vec<u8>>().into(),
        ..of(&"k".repeat(1024))
    };
    let bare = OutboxEvent { exchange: Some(String::new()), data: Vec::new().into(), ..keyless() };
    process.publish([full.clone(), bare.clone()]).await;
    let rows = Relay::of(&process).await.lease(LONG, ALL).await;
    let events: Vec<_> = rows.iter().map(|row| row.event.clone()).collect();
    assert_eq!(events, [full, bare], "an event must be read as it was written");
    assert_eq!(rows[0].number, Some(1), "the first event of a key has the number 1");
    assert_eq!(rows[1].number, None, "an event without a key has none");
    assert!(rows.iter().all(|row| row.created_at > 1_700_000_000 && row.refusals == 0));
}

pub(super) async fn of_many_events_keeps_their_order<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let event = |i: usize| if i % 4 == 3 { keyless() } else { of(["c", "a", "b"][i % 4]) };
    let events: Vec<_> = (0..70).map(event).collect();
    process.publish(events.clone()).await;
    process.publish([of("a"), of("a")]).await;
    let rows = process.rows().await;
    let written: Vec<_> = rows.iter().take(70).map(|row| row.row.event.id).collect();
    let published: Vec<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(written, published, "positions rise in the order of publication");
    assert_eq!(process.assert_ordered().await, 72);
}

pub(super) async fn tells_keys_apart_that_a_collation_would_not<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish(["abc", "ABC", "abc ", "äbc", "a\u{308}bc", ""].map(of)).await;
    let numbers: Vec<_> = process.rows().await.into_iter().map(|row| row.row.number).collect();
    assert_eq!(numbers, [Some(1); 6], "each key is a lane of its own");
}

pub(super) async fn that_fails_leaves_nothing<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let first = of("a");
    process.publish([first.clone()]).await;
    let mut session = process.open().await;
    let (tx, _) = process.claim(&mut session, "refused").await;
    let twice = Departures { events: vec![of("a"), of("b"), first], intents: Vec::new() };
    let end = in_time("a commit", process.store.commit(tx, &twice)).await;
    assert!(matches!(end, Commit::Refused(_)), "an id is written once: {end:?}");
    process.nothing("refused", "what cannot be sent away takes its unit with it").await;
    let end = process.try_publish(&mut session, vec![of("a"), of("b")]).await;
    assert!(matches!(end, Commit::Done), "a session goes on after a refused unit: {end:?}");
    assert_eq!(process.assert_ordered().await, 3, "a unit that is undone takes no number");
}

/// The guard comes first: what is written into a transaction that the handler began would be published without a claim.
pub(super) async fn waits_for_the_guard<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    for ending in Ending::ALL {
        let mut session = process.open().await;
        let mut tx = process.work(&mut session, &format!("{ending:?}")).await;
        let _ = process.database.end(&mut tx, ending).await;
        let departures = Departures { events: vec![of("a"), keyless()], intents: Vec::new() };
        let end = in_time("a commit", process.store.commit(tx, &departures)).await;
        assert!(matches!(end, Commit::Ended), "a unit whose transaction has ended: {end:?} ({ending:?})");
        drop(session);
        assert_eq!(process.rows().await.len(), 0, "it must publish nothing ({ending:?})");
    }
}

pub(super) async fn numbers_in_the_order_of_the_commits<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let done = AtomicBool::new(false);
    let writers = async {
        join_all((0..WRITERS).map(|_| write(&process))).await;
        done.store(true, Ordering::Relaxed);
    };
    let reader = async {
        while !done.load(Ordering::Relaxed) {
            process.assert_ordered().await;
            crate::clock::sleep(Duration::from_millis(5)).await;
        }
    };
    join(writers, reader).await;
    assert_eq!(process.assert_ordered().await, WRITERS * UNITS * 3);
}

/// Writes to two hot lanes, and does it again after a conflict.
async fn write<S: SuiteStorage>(process: &Process<'_, S>) {
    let mut session = process.open().await;
    for _ in 0..UNITS {
        let mut conflicts = 0;
        loop {
            match process.try_publish(&mut session, vec![of("hot"), of("warm"), of("hot")]).await {
                Commit::Done => break,
                Commit::Refused(error) if process.class(&error) == Some(Class::Conflict) => conflicts += 1,
                end => panic!("a hot lane is a conflict at most: {end:?}"),
            }
            assert!(conflicts < CONFLICTS, "after {CONFLICTS} conflicts a writer must get through");
        }
    }
}

pub(super) async fn locks_lanes_in_one_order<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let keys: Vec<String> = (0..40).map(|i| format!("key {i}")).collect();
    process.publish(keys.iter().map(|key| of(key))).await;
    let (mut here, mut there) = (process.open().await, process.open().await);
    for round in 0..15 {
        let forth = keys.iter().map(|key| of(key)).collect();
        let back = keys.iter().rev().map(|key| of(key)).collect();
        let (one, other) =
            join(process.try_publish(&mut here, forth), process.try_publish(&mut there, back)).await;
        let both = matches!((&one, &other), (Commit::Done, Commit::Done));
        assert!(both, "lanes are locked in their own order: {one:?} {other:?} (round {round})");
    }
    assert_eq!(process.assert_ordered().await, 31 * keys.len());
}
