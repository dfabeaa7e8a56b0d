//! Leases: a lane comes from its head without a gap, to one relay, or not at all.

use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

use futures_util::future::join_all;

use super::{
    SuiteStorage,
    outbox_stage::{ALL, LONG, Relay, SHORT, keyless, names, of},
    stage::{a_moment, process},
};
use crate::{
    clock,
    outbox::{Fate, Lane, OutboxRow, Standing},
};

const RELAYS: usize = 5;
const LANES: usize = 7;
const EVENTS: usize = 20;

pub(super) async fn takes_a_lane_from_its_head<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), of("a"), of("a"), of("b"), keyless()]).await;
    let (mut one, mut other) = (Relay::of(&process).await, Relay::of(&process).await);
    let head = one.lease(LONG, 2).await;
    assert_eq!(names(&head), ["a1", "a2"], "rows come from the head");
    assert_eq!(names(&other.lease(LONG, ALL).await), ["b1", "-0"], "a lane is leased by one relay");
    assert_eq!(names(&one.lease(LONG, ALL).await), [""; 0], "nor does its own relay get more of it");
    one.settle(&head[..1], &Fate::Sent).await;
    assert_eq!(names(&other.lease(LONG, ALL).await), [""; 0], "a lane is held to its last leased row");
    one.settle(&head[1..], &Fate::Sent).await;
    assert_eq!(names(&other.lease(LONG, ALL).await), ["a3"]);
}

pub(super) async fn that_has_run_out_is_free_again<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), of("a"), keyless()]).await;
    let (mut dead, mut other) = (Relay::of(&process).await, Relay::of(&process).await);
    assert_eq!(names(&dead.lease(SHORT, 2).await), ["a1", "a2"]);
    a_moment().await;
    assert_eq!(names(&other.lease(LONG, ALL).await), ["a1", "a2", "-0"], "a relay that died keeps nothing");
}

pub(super) async fn that_is_renewed_lasts<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), of("a")]).await;
    let (mut one, mut other) = (Relay::of(&process).await, Relay::of(&process).await);
    let rows = one.lease(SHORT * 10, ALL).await;
    one.renew(&rows).await;
    clock::sleep(SHORT * 12).await;
    assert_eq!(names(&other.lease(SHORT, ALL).await), [""; 0], "a lease that was renewed has not run out");
}

pub(super) async fn that_another_has_is_not_renewed<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a")]).await;
    let (mut stale, mut other) = (Relay::of(&process).await, Relay::of(&process).await);
    let rows = stale.lease(SHORT, ALL).await;
    a_moment().await;
    other.lease(SHORT, ALL).await;
    stale.renew(&rows).await;
    a_moment().await;
    assert_eq!(names(&other.lease(LONG, ALL).await), ["a1"], "a lease belongs to whoever took it last");
}

pub(super) async fn of_what_was_sent_is_none<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut relay = Relay::of(&process).await;
    assert_eq!(names(&relay.lease(LONG, ALL).await), [""; 0], "an empty outbox has nothing to lease");
    process.publish([of("a"), keyless()]).await;
    let rows = relay.lease(LONG, ALL).await;
    relay.settle(&rows, &Fate::Sent).await;
    assert_eq!(names(&relay.lease(LONG, ALL).await), [""; 0], "what was sent is not sent again");
    assert!(process.rows().await.iter().all(|row| row.standing == Standing::Sent));
    process.publish([of("a")]).await;
    assert_eq!(names(&relay.lease(LONG, ALL).await), ["a2"], "the same session sees what came later");
}

/// Each asks for more than the one before, so whoever comes second sees rows behind those that the first is about to get.
pub(super) async fn of_many_at_once_shares_no_lane<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish((0..40).map(|i| of(["a", "b"][i % 2]))).await;
    let mut relays = join_all((0..RELAYS).map(|_| Relay::of(&process))).await;
    for round in 0..20 {
        let ask = |(who, relay)| lease_some(relay, 4 * (who as u32 + 1));
        let leased = join_all(relays.iter_mut().enumerate().map(ask)).await;
        let mut lanes = HashSet::new();
        for rows in &leased {
            let heads: HashSet<_> = rows.iter().filter_map(|row| row.event.lane()).collect();
            let shared = heads.iter().any(|lane| !lanes.insert(*lane));
            assert!(!shared, "two relays got parts of one lane (round {round}): {:?}", names(rows));
        }
        for (relay, rows) in relays.iter_mut().zip(&leased) {
            relay.settle(rows, &Fate::Untouched).await;
        }
    }
}

async fn lease_some<S: SuiteStorage>(relay: &mut Relay<'_, S>, limit: u32) -> Vec<OutboxRow> {
    relay.lease(LONG, limit).await
}

/// Who holds which lane, and what was sent in which order.
#[derive(Default)]
struct Books {
    held: HashMap<Lane, usize>,
    sent: Vec<OutboxRow>,
}

pub(super) async fn is_never_given_to_two<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    for _ in 0..EVENTS {
        let keyed = (0..LANES).map(|lane| of(&format!("lane {lane}")));
        process.publish(keyed.chain([keyless()])).await;
    }
    let books = Mutex::new(Books::default());
    let relays = join_all((0..RELAYS).map(|_| Relay::of(&process))).await;
    join_all(relays.into_iter().enumerate().map(|(who, relay)| run(relay, who, &books))).await;
    let sent = books.into_inner().expect("the books").sent;
    let ids: HashSet<_> = sent.iter().map(|row| row.event.id).collect();
    assert_eq!(
        (sent.len(), ids.len()),
        ((LANES + 1) * EVENTS, (LANES + 1) * EVENTS),
        "each row is sent once"
    );
    let mut last: HashMap<Lane, i64> = HashMap::new();
    for row in &sent {
        let (Some(lane), Some(number)) = (row.event.lane(), row.number) else { continue };
        let before = last.insert(lane, number).unwrap_or_default();
        assert_eq!(number, before + 1, "a lane is sent in its order, whoever sends it");
    }
}

/// Leases until everything is sent, and gives every third batch's end back.
async fn run<S: SuiteStorage>(mut relay: Relay<'_, S>, who: usize, books: &Mutex<Books>) {
    for round in 0.. {
        let rows = relay.lease(LONG, 5 * (who as u32 + 1)).await;
        take(&rows, who, &mut books.lock().expect("the books"));
        if rows.is_empty() {
            if books.lock().expect("the books").sent.len() == (LANES + 1) * EVENTS {
                return;
            }
            clock::sleep(SHORT / 10).await;
            continue;
        }
        let kept = if round % 3 == 0 { rows.len() / 2 } else { rows.len() };
        let (sent, untouched) = rows.split_at(kept);
        {
            let mut books = books.lock().expect("the books");
            books.sent.extend_from_slice(sent);
            books.held.retain(|_, holder| *holder != who);
        }
        let sent = sent.iter().map(|row| (row, Fate::Sent));
        let untouched = untouched.iter().map(|row| (row, Fate::Untouched));
        relay.settle_each(&sent.chain(untouched).collect::<Vec<_>>()).await;
    }
}

fn take(rows: &[OutboxRow], who: usize, books: &mut Books) {
    for lane in rows.iter().filter_map(|row| row.event.lane()) {
        let holder = books.held.insert(lane, who);
        assert!(holder.is_none_or(|holder| holder == who), "two relays hold rows of one lane");
    }
}
