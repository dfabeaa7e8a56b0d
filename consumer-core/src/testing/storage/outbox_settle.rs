//! What becomes of leased rows, and what people do about them.

use std::time::Duration;

use uuid::Uuid;

use super::{
    SuiteStorage,
    outbox_stage::{ALL, LONG, Relay, SHORT, keyless, names, of, parked, refused},
    stage::{a_moment, process},
};
use crate::{
    outbox::{Fate, Filter, Standing, Survey},
    storage::{OutboxStorage, Swept},
};

pub(super) async fn sent_is_true_whoever_holds_the_row<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), of("a")]).await;
    let (mut stale, mut other) = (Relay::of(&process).await, Relay::of(&process).await);
    let rows = stale.lease(SHORT, ALL).await;
    a_moment().await;
    assert_eq!(names(&other.lease(LONG, ALL).await), ["a1", "a2"]);
    stale.settle(&rows[..1], &Fate::Sent).await;
    other.settle(&rows[..1], &refused(LONG)).await;
    other.settle(&rows[1..], &Fate::Untouched).await;
    assert_eq!(process.standing(rows[0].event.id).await, Some(Standing::Sent), "what was sent stays sent");
    assert_eq!(names(&other.lease(LONG, ALL).await), ["a2"], "what was sent holds no lane");
}

pub(super) async fn nothing_else_counts_from_a_stale_holder<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), keyless(), of("b")]).await;
    let (mut stale, mut other) = (Relay::of(&process).await, Relay::of(&process).await);
    let rows = stale.lease(SHORT, ALL).await;
    a_moment().await;
    other.lease(LONG, ALL).await;
    let fates = [refused(SHORT), parked(), Fate::Untouched];
    stale.settle_each(&rows.iter().zip(fates).collect::<Vec<_>>()).await;
    assert_eq!(names(&stale.lease(LONG, ALL).await), [""; 0], "the rows are another relay's");
    other.settle(&rows, &Fate::Untouched).await;
    assert_eq!(names(&stale.lease(LONG, ALL).await), ["a1", "-0", "b1"]);
}

pub(super) async fn a_refused_row_holds_its_lane_alone<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), of("b"), of("a"), keyless()]).await;
    let mut relay = Relay::of(&process).await;
    let rows = relay.lease(LONG, ALL).await;
    let fates = [refused(LONG), Fate::Untouched, Fate::Untouched, refused(LONG)];
    relay.settle_each(&rows.iter().zip(fates).collect::<Vec<_>>()).await;
    assert_eq!(names(&relay.lease(LONG, ALL).await), ["b1"], "a failing head holds its own key alone");
    let listed = process.rows().await;
    assert_eq!(listed[0].standing, Standing::Refused);
    assert_eq!((listed[0].row.refusals, listed[0].behind), (1, 1), "a row behind it waits");
    assert_eq!(listed[0].error.as_deref(), Some("no queue is bound"));
    assert_eq!(listed[2].standing, Standing::Waiting);
    assert!(relay.release(rows[0].event.id).await, "a refused row can be tried again now");
    let again = relay.lease(LONG, ALL).await;
    assert_eq!(names(&again), ["a1", "a2"]);
    assert_eq!(again[0].refusals, 0, "whoever is released starts anew");
}

pub(super) async fn a_refused_row_comes_again_after_its_wait<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), of("a")]).await;
    let mut relay = Relay::of(&process).await;
    for refusals in 0..3 {
        let rows = relay.lease(LONG, ALL).await;
        assert_eq!(names(&rows), ["a1", "a2"], "a lane goes on from its head");
        assert_eq!(rows[0].refusals, refusals, "each refusal counts, and nothing else");
        relay.settle_each(&[(&rows[0], refused(SHORT)), (&rows[1], Fate::Untouched)]).await;
        a_moment().await;
    }
}

pub(super) async fn a_parked_row_waits_for_a_person<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), of("a"), of("b")]).await;
    let mut relay = Relay::of(&process).await;
    let rows = relay.lease(SHORT, ALL).await;
    let fates = [parked(), Fate::Untouched, Fate::Sent];
    relay.settle_each(&rows.iter().zip(fates).collect::<Vec<_>>()).await;
    a_moment().await;
    assert_eq!(names(&relay.lease(LONG, ALL).await), [""; 0], "its lane waits with it");
    let stuck = Filter::default();
    let mut session = process.open().await;
    let listed = process.store.list_outbox(&mut session, &stuck).await.expect("rows can be listed");
    assert_eq!(listed.len(), 1, "what needs a look is listed, and nothing else");
    assert_eq!((listed[0].standing, listed[0].behind), (Standing::Parked, 1));
    assert_eq!(listed[0].row, rows[0], "as it was leased");
    assert!(relay.release(rows[0].event.id).await);
    let again = relay.lease(LONG, ALL).await;
    assert_eq!(names(&again), ["a1", "a2"], "a released row is published again");
}

pub(super) async fn a_row_given_up_frees_its_lane<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), of("a"), of("a")]).await;
    let mut relay = Relay::of(&process).await;
    for (expected, fate) in [("a1", parked()), ("a2", refused(LONG))] {
        let rows = relay.lease(LONG, 1).await;
        assert_eq!(names(&rows), [expected]);
        relay.settle(&rows, &fate).await;
        let id = rows[0].event.id;
        assert!(relay.discard(id).await && !relay.discard(id).await, "a row is given up once");
        assert!(!relay.release(id).await, "what was given up is not published");
        assert_eq!(process.standing(id).await, Some(Standing::Discarded));
    }
    assert_eq!(names(&relay.lease(LONG, ALL).await), ["a3"], "its lane goes on");
}

pub(super) async fn by_hand_is_for_refused_and_parked_rows<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), of("b"), of("c")]).await;
    let mut relay = Relay::of(&process).await;
    let rows = relay.lease(SHORT, 2).await;
    relay.settle(&rows[..1], &Fate::Sent).await;
    relay.settle(&rows[1..], &refused(SHORT)).await;
    a_moment().await;
    assert_eq!(names(&relay.lease(LONG, 1).await), ["b1"], "a refused row that is being published");
    let waiting = process.rows().await[2].row.event.id;
    for id in [rows[0].event.id, rows[1].event.id, waiting, Uuid::new_v4()] {
        assert!(!relay.release(id).await, "nothing is to be released: {id}");
        assert!(!relay.discard(id).await, "nothing is to be given up: {id}");
    }
    assert_eq!(process.standing(rows[1].event.id).await, Some(Standing::Waiting));
}

pub(super) async fn a_survey_tells_how_old_the_oldest_is<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let empty = process.store.survey_outbox(&mut session).await.expect("a survey");
    assert_eq!(empty, Survey::default());
    process.publish([of("a")]).await;
    a_moment().await;
    process.publish([of("b"), keyless()]).await;
    let survey = process.store.survey_outbox(&mut session).await.expect("a survey");
    assert_eq!((survey.unsent, survey.parked), (3, 0));
    let oldest = survey.oldest;
    assert!(oldest >= Duration::from_millis(190) && oldest < LONG, "{oldest:?}");
    let mut relay = Relay::of(&process).await;
    let rows = relay.lease(LONG, ALL).await;
    let fates = [Fate::Sent, parked(), refused(LONG)];
    relay.settle_each(&rows.iter().zip(fates).collect::<Vec<_>>()).await;
    let survey = process.store.survey_outbox(&mut session).await.expect("a survey");
    assert_eq!((survey.unsent, survey.parked), (2, 1), "parked rows are not sent");
    relay.discard(rows[1].event.id).await;
    let survey = process.store.survey_outbox(&mut session).await.expect("a survey");
    assert_eq!((survey.unsent, survey.parked), (1, 0), "what was given up waits for nobody");
}

pub(super) async fn a_sweep_keeps_what_is_not_sent<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), of("b"), of("c"), of("d"), of("e"), of("f")]).await;
    let mut relay = Relay::of(&process).await;
    let rows = relay.lease(LONG, 5).await;
    let fates = [Fate::Sent, parked(), parked(), Fate::Sent, refused(LONG)];
    relay.settle_each(&rows.iter().zip(fates).collect::<Vec<_>>()).await;
    relay.discard(rows[1].event.id).await;
    let kept = process.store.sweep_outbox(LONG, ALL).await.expect("a sweep");
    assert_eq!(kept, Swept { rows: 0, more: false }, "young rows stay");
    a_moment().await;
    for (rows, more) in [(2, true), (1, false), (0, false)] {
        let swept = process.store.sweep_outbox(SHORT, 2).await.expect("a sweep");
        assert_eq!(swept, Swept { rows, more }, "sent and discarded rows go in batches");
    }
    let left: Vec<_> = process.rows().await.into_iter().map(|row| row.standing).collect();
    assert_eq!(left, [Standing::Parked, Standing::Refused, Standing::Waiting]);
}

pub(super) async fn a_swept_outbox_counts_on<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    process.publish([of("a"), of("a")]).await;
    let mut relay = Relay::of(&process).await;
    let before = relay.lease(LONG, ALL).await;
    relay.settle(&before, &Fate::Sent).await;
    a_moment().await;
    process.store.sweep_outbox(SHORT, ALL).await.expect("a sweep");
    process.publish([of("a")]).await;
    let after = relay.lease(LONG, ALL).await;
    assert_eq!(names(&after), ["a3"], "the numbers of a lane outlive its rows");
    assert!(after[0].position > before[1].position, "a position is never given again");
}
