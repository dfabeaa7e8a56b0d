//! Counting failures.

use std::time::Duration;

use futures_util::future::{join, join_all};

use super::desk::{Desk, LONG, RUNG, SHORT, count, key, news};
use crate::{
    classify::Class,
    clock,
    effect::MAX_ERROR,
    failure::{FailureRecord, FailureState, MAX_TEXT, News, Wanted},
    message::Reason,
    storage::Storage,
    testing::storage::stage::in_time,
};

/// What two readers of one row agree on: times go on between them.
fn timeless(record: &FailureRecord) -> FailureRecord {
    FailureRecord {
        not_before: None,
        first_failed: Duration::ZERO,
        last_failed: Duration::ZERO,
        ..record.clone()
    }
}

pub(super) async fn climbs_the_ladder_and_dies_after_its_last_rung<S: Storage>(desk: &Desk<S>) {
    assert_eq!(desk.find("1").await, None, "an event that has not failed has no record");
    for rung in 1..=3 {
        let told = desk.fail("1", RUNG).await;
        assert_eq!((told.state, told.delays, told.attempts), (FailureState::Delayed, rung, 3 * rung));
        assert_eq!((told.generation, told.reason), (1, None));
        assert_eq!(timeless(&desk.row("1").await), timeless(&told), "what is told is what was written");
    }
    let last = desk.fail("1", RUNG).await;
    assert_eq!((last.state, last.delays, last.attempts), (FailureState::Dead, 3, 12), "after the last rung");
    assert_eq!(last.reason, Some(Reason::AttemptsExhausted));
    assert_eq!(timeless(&desk.row("1").await), timeless(&last));
}

pub(super) async fn of_a_permanent_failure_is_dead_at_once<S: Storage>(desk: &Desk<S>) {
    let dead = News { class: Class::Permanent, ..news(Wanted::Dead(Reason::Permanent)) };
    let told = desk.tell(desk.consumer, "1", &dead).await;
    assert_eq!((told.state, told.reason, told.delays), (FailureState::Dead, Some(Reason::Permanent), 0));
    assert_eq!(timeless(&desk.row("1").await), timeless(&told));
    let again = desk.fail("1", RUNG).await;
    assert_eq!(
        (again.state, again.reason),
        (FailureState::Delayed, None),
        "a delivery that somebody has moved back by hand is tried like any other"
    );
}

pub(super) async fn by_many_at_once_is_counted_for_each<S: Storage>(desk: &Desk<S>) {
    const RIVALS: u32 = 6;
    const ROUNDS: u32 = 5;
    let rungs = Wanted::Rung { rungs: 1_000, not_before: None };
    let mut here = join_all((0..RIVALS).map(|_| Desk::open(&desk.here))).await;
    let mut there = join_all((0..RIVALS).map(|_| Desk::open(&desk.there))).await;
    for event in ["1", "2", "3"] {
        for round in 1..=ROUNDS {
            let news = news(rungs);
            let one = |session| count(&desk.here, session, desk.consumer, key(event), &news);
            let other = |session| count(&desk.there, session, desk.consumer, key(event), &news);
            let (told, others) =
                join(join_all(here.iter_mut().map(one)), join_all(there.iter_mut().map(other))).await;
            let mut rungs: Vec<u32> = told.iter().chain(&others).map(|record| record.delays).collect();
            rungs.sort_unstable();
            let expected: Vec<u32> = (1..=2 * RIVALS).map(|nth| 2 * RIVALS * (round - 1) + nth).collect();
            assert_eq!(rungs, expected, "no two failures of one event are told of the same rung");
        }
        let row = desk.row(event).await;
        let failures = 2 * RIVALS * ROUNDS;
        assert_eq!((row.delays, row.attempts), (failures, 3 * failures), "each of them is counted");
    }
}

pub(super) async fn keeps_a_wait_that_counts_down<S: Storage>(desk: &Desk<S>) {
    let waiting = |wait| Wanted::Rung { rungs: 3, not_before: Some(wait) };
    let told = desk.fail("1", waiting(LONG)).await;
    assert!(told.not_before.is_some_and(|left| left <= LONG && left > LONG / 2), "{:?}", told.not_before);
    clock::sleep(SHORT).await;
    let left = desk.row("1").await.not_before.expect("its time has not come");
    assert!(
        left <= LONG - SHORT / 2 && left > LONG / 2,
        "a wait counts from when it was asked for: {left:?}"
    );
    desk.fail("1", waiting(SHORT)).await;
    in_time("its time", async {
        while desk.row("1").await.not_before.is_some() {
            clock::sleep(SHORT / 4).await;
        }
    })
    .await;
    desk.fail("1", waiting(Duration::MAX)).await;
    assert!(desk.row("1").await.not_before.is_some_and(|left| left > LONG), "no wait is too long");
    desk.fail("1", RUNG).await;
    assert_eq!(desk.row("1").await.not_before, None, "what does not ask for a wait gets none");
}

pub(super) async fn tells_when_it_failed_first_and_last<S: Storage>(desk: &Desk<S>) {
    desk.fail("1", RUNG).await;
    clock::sleep(3 * SHORT).await;
    let told = desk.fail("1", RUNG).await;
    assert!(told.first_failed >= 2 * SHORT && told.last_failed < told.first_failed, "{told:?}");
    let row = desk.row("1").await;
    assert!(row.first_failed >= 2 * SHORT, "its first failure is remembered: {row:?}");
    assert!(row.last_failed + SHORT < row.first_failed, "and its last one: {row:?}");
}

pub(super) async fn keeps_every_reason_and_every_class<S: Storage>(desk: &Desk<S>) {
    for reason in Reason::ALL {
        desk.fail("1", Wanted::Dead(reason)).await;
        assert_eq!(desk.row("1").await.reason, Some(reason));
    }
    let classes = [
        Class::Conflict,
        Class::ServerAway,
        Class::OutOfSpace,
        Class::DeployWrong,
        Class::TimeLimit,
        Class::Transient,
        Class::Permanent,
    ];
    for class in classes {
        desk.tell(desk.consumer, "1", &News { class, ..news(RUNG) }).await;
        assert_eq!(desk.row("1").await.class, class.as_str());
    }
}

pub(super) async fn keeps_texts_of_any_kind_within_limits<S: Storage>(desk: &Desk<S>) {
    let (long, worst) = ("\0\u{1b}[2J🦀é\r\n".repeat(10_000), "🦀".repeat(50_000));
    for (nth, text) in
        [long.as_str(), &worst, "'; DROP TABLE event_failures; --", "\\", "%_", ""].iter().enumerate()
    {
        let event = nth.to_string();
        let news = News { error: text, event_id: text, event_type: text, ..news(RUNG) };
        let told = desk.tell(desk.consumer, &event, &news).await;
        let row = desk.row(&event).await;
        assert_eq!(timeless(&row), timeless(&told), "what is told is what was written");
        assert!(row.error.len() <= MAX_ERROR && !row.error.contains('\0'), "{} bytes", row.error.len());
        for text in [&row.event_id, &row.event_type] {
            let shows_itself = !text.contains(char::is_control);
            assert!(text.len() <= MAX_TEXT && shows_itself, "{} bytes: {text:?}", text.len());
        }
    }
    let row = desk.row("2").await;
    assert_eq!(row.error, "'; DROP TABLE event_failures; --", "what fits is kept as it is");
    assert_eq!(row.event_id, row.error);
    assert!(worst.starts_with(&desk.row("1").await.error), "a cut falls between characters");
}

pub(super) async fn keeps_what_was_known_of_the_event<S: Storage>(desk: &Desk<S>) {
    desk.fail("1", RUNG).await;
    let unreadable = News { event_id: "", event_type: "", error: "no type", ..news(RUNG) };
    desk.tell(desk.consumer, "1", &unreadable).await;
    let row = desk.row("1").await;
    assert_eq!((row.event_id.as_str(), row.event_type.as_str()), ("evt-1", "payment.captured"));
    assert_eq!(row.error, "no type", "the last error is the one that counts");
}

pub(super) async fn tells_consumers_and_events_apart<S: Storage>(desk: &Desk<S>) {
    for (consumer, event, times) in [(desk.consumer, "1", 1), (desk.consumer, "2", 2), (desk.other, "1", 3)] {
        for _ in 0..times {
            desk.tell(consumer, event, &news(RUNG)).await;
        }
    }
    let delays = async |consumer, event| desk.find_of(consumer, event).await.map(|row| row.delays);
    assert_eq!(delays(desk.consumer, "1").await, Some(1));
    assert_eq!(delays(desk.consumer, "2").await, Some(2));
    assert_eq!(delays(desk.other, "1").await, Some(3));
    assert_eq!(delays(desk.other, "2").await, None, "each consumer has records of its own");
}
