//! How many events have failed and are where.

use super::desk::{Desk, LONG, RUNG, SHORT, news};
use crate::{
    clock,
    failure::{FailureSurvey, Wanted},
    inbox::ConsumerId,
    message::Reason,
    storage::Storage,
    testing::storage::stage::in_time,
};

const DEAD: Wanted = Wanted::Dead(Reason::Permanent);

async fn survey<S: Storage>(desk: &Desk<S>, consumer: ConsumerId) -> FailureSurvey {
    let mut session = Desk::open(&desk.there).await;
    let survey = in_time("a survey", desk.there.survey_failures(&mut session, consumer)).await;
    survey.expect("records can be counted")
}

pub(super) async fn tells_what_is_where<S: Storage>(desk: &Desk<S>) {
    for event in ["1", "2", "3"] {
        desk.fail(event, RUNG).await;
    }
    desk.fail("old", DEAD).await;
    clock::sleep(2 * SHORT).await;
    desk.fail("young", DEAD).await;
    desk.fail("redriven", DEAD).await;
    assert!(desk.reset("redriven").await);
    desk.tell(desk.other, "1", &news(DEAD)).await;
    let ours = survey(desk, desk.consumer).await;
    assert_eq!((ours.delayed, ours.dead), (3, 2), "what was redriven is neither");
    assert!(ours.oldest_dead >= 2 * SHORT && ours.oldest_dead < LONG, "{:?}", ours.oldest_dead);
    let theirs = survey(desk, desk.other).await;
    assert_eq!((theirs.delayed, theirs.dead), (0, 1), "each consumer has failures of its own");
    assert!(desk.reset("old").await && desk.reset("young").await);
    let ours = survey(desk, desk.consumer).await;
    assert_eq!((ours.delayed, ours.dead, ours.oldest_dead.is_zero()), (3, 0, true), "none is dead any more");
}

pub(super) async fn of_an_empty_table_is_empty<S: Storage>(desk: &Desk<S>) {
    assert_eq!(survey(desk, desk.consumer).await, FailureSurvey::default());
    desk.fail("1", RUNG).await;
    let survey = survey(desk, desk.consumer).await;
    assert_eq!((survey.delayed, survey.dead, survey.oldest_dead.is_zero()), (1, 0, true));
}
