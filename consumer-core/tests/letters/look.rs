//! Looking at a dead-letter queue.

use consumer_core::{message::Reason, operate::LetterFilter};

use crate::{
    DAY, SECOND,
    stage::{BODY, DEAD, Stage, message},
};

#[tokio::test(start_paused = true)]
async fn a_list_is_grouped_and_leaves_the_queue_as_it_was() {
    let stage = Stage::new().await;
    stage.bury("first", Reason::Permanent, 2 * DAY).await;
    let ids = stage.bury_all(1000).await;
    let filter = LetterFilter { limit: Some(2), ..LetterFilter::default() };
    let listing = stage.person().list(&filter).await.expect("a list");
    assert_eq!((listing.depth, listing.looked_at, listing.matching), (1001, 1001, 1001));
    let groups: Vec<_> =
        listing.groups.iter().map(|g| (g.reason.as_deref(), g.class.as_deref(), g.count)).collect();
    let class = Some("transient");
    assert_eq!(groups, [(Some("attempts-exhausted"), class, 1000), (Some("permanent"), class, 1)]);
    let listed: Vec<_> = listing.letters.iter().map(|l| (l.letter.id.as_deref(), l.body_bytes)).collect();
    assert_eq!(listed, [(Some("first"), BODY.len()), (Some("evt-00000"), BODY.len())]);
    let mut left = stage.settled(DEAD).await;
    left.sort();
    assert_eq!(left, [&ids[..], &["first".to_owned()]].concat());
}

#[tokio::test(start_paused = true)]
async fn a_letter_is_shown_by_its_id_or_its_key() {
    let stage = Stage::new().await;
    let key = stage.bury("evt-1", Reason::Permanent, DAY).await;
    for name in ["evt-1".to_owned(), key.to_string(), key.as_uuid().simple().to_string()] {
        let shown = stage.person().show(&name).await.expect("a look").expect("a letter");
        assert_eq!(shown.message.body, BODY);
        assert_eq!(shown.listed.letter.error.as_deref(), Some("no such account"));
        assert!(shown.age.is_some_and(|age| age >= DAY && age < DAY + 60 * SECOND), "{:?}", shown.age);
    }
    assert_eq!(stage.person().show("evt-2").await.expect("a look"), None);
    assert_eq!(stage.settled(DEAD).await, ["evt-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_says_nothing_can_be_named_all_the_same() {
    let stage = Stage::new().await;
    for body in ["one", "two"] {
        let mut message = message("", body);
        message.properties = Default::default();
        stage.publish(DEAD, message).await;
    }
    let listing = stage.person().list(&LetterFilter::default()).await.expect("a list");
    let names: Vec<_> = listing.letters.iter().map(|listed| listed.key.to_string()).collect();
    assert_ne!(names[0], names[1]);
    let shown = stage.person().show(&names[1]).await.expect("a look").expect("a letter");
    assert_eq!(shown.message.body, "two");
    let done = stage.person().discard(&LetterFilter::of(&names[0])).await.expect("discarded");
    assert_eq!((done.discarded, stage.settled(DEAD).await.len()), (1, 1));
}
