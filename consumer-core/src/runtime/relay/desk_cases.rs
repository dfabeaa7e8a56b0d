//! A desk in situations that were met, or nearly.

use super::{
    desk::Desk,
    model::{LEASE, row},
};
use crate::{
    clock::Instant,
    outbox::{Fate, Position, Settled},
};

#[test]
fn a_lane_whose_lease_ran_out_is_given_back_and_not_published() {
    let mut desk = Desk::new(4);
    let now = Instant::now();
    desk.leases();
    desk.take(vec![row(1, Some("a")), row(2, Some("a")), row(3, None)], 4, now + LEASE);
    assert_eq!(desk.next(now + LEASE), None);
    let batch = desk.batch();
    assert_eq!(batch.len(), 3);
    assert!(batch.iter().all(|settled| settled.fate == Fate::Untouched));
}

#[test]
fn a_refused_head_takes_its_lane_along_and_leaves_the_others_alone() {
    let mut desk = Desk::new(8);
    let now = Instant::now();
    desk.leases();
    let rows = vec![row(1, Some("a")), row(2, Some("b")), row(3, Some("a")), row(4, Some("b"))];
    desk.take(rows, 8, now + LEASE);
    let (a, b) = (desk.next(now).expect("a"), desk.next(now).expect("b"));
    assert_eq!(desk.next(now), None, "one in flight for each lane");
    desk.landed(a.position, a.event.lane(), Fate::Refused { wait: LEASE, error: String::new() });
    desk.landed(b.position, b.event.lane(), Fate::Sent);
    assert_eq!(desk.next(now).map(|row| row.position), Some(Position(4)));
    let fates: Vec<_> = desk.batch().into_iter().map(|settled| (settled.position.0, settled.fate)).collect();
    assert_eq!(fates[1], (3, Fate::Untouched));
    assert_eq!(fates[2], (2, Fate::Sent));
}

#[test]
fn a_lane_that_was_busy_during_a_look_is_looked_for_again() {
    let mut desk = Desk::new(8);
    let now = Instant::now();
    desk.leases();
    desk.take(vec![row(1, Some("a"))], 8, now + LEASE);
    let first = desk.next(now).expect("a row");
    assert_eq!(desk.wants(&[]), None, "the last look brought everything there was");
    // A second row is committed; the look that follows finds its lane taken.
    desk.look_again();
    desk.leases();
    desk.take(Vec::new(), 7, now + LEASE);
    desk.landed(first.position, first.event.lane(), Fate::Sent);
    let batch = desk.batch();
    assert_eq!(desk.wants(&batch), None);
    desk.written(batch);
    assert_eq!(desk.wants(&[]), Some(8));
}

/// After a process was stopped for longer than its lease: what it gives back is not written yet, and leased to it again
/// together with a later row.
#[test]
fn a_row_that_is_given_up_is_not_overtaken_by_a_new_one() {
    let mut desk = Desk::new(8);
    let (now, later) = (Instant::now(), Instant::now() + LEASE);
    desk.leases();
    desk.take(vec![row(1, Some("a")), row(2, Some("a"))], 8, now + LEASE);
    assert_eq!(desk.next(later), None, "both are given back");
    desk.leases();
    desk.take(vec![row(1, Some("a")), row(2, Some("a")), row(3, Some("a"))], 8, later + LEASE);
    assert_eq!(desk.next(later), None, "the third one before the first");
    let batch = desk.batch();
    let given_back: Vec<_> = batch.iter().map(|Settled { position, .. }| *position).collect();
    assert_eq!(given_back, [1, 2, 3].map(Position));
    desk.written(batch);
    desk.leases();
    desk.take(vec![row(1, Some("a"))], 8, later + LEASE);
    assert_eq!(desk.next(later).map(|row| row.position), Some(Position(1)));
}
