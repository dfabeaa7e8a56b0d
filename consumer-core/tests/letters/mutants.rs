//! The classic mistake: the test passes, and fails in a build that makes it.

use consumer_core::operate::{LetterFilter, Redrive};

use crate::stage::{DEAD, QUEUE, Stage};

#[tokio::test(start_paused = true)]
async fn mutant_letter_acked_before_confirm() {
    let stage = Stage::new().await;
    let ids = stage.bury_all(1).await;
    let options = Redrive { to: Some("nowhere".to_owned()), ..Redrive::default() };
    let done = stage.person().redrive(&LetterFilter::default(), &options).await.expect("begun");
    assert!(done.stopped.is_some(), "no queue takes it");
    assert_eq!((stage.settled(DEAD).await, stage.ids(QUEUE)), (ids, vec![]), "the letter is lost");
}
