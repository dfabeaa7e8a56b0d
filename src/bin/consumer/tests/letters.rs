//! Dead letters, by hand.

use std::{collections::BTreeSet, time::Duration};

use consumer::{Storage, failure::FailureState, message::Reason};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    on_each_storage,
    place::Place,
    post::{BODY, DAY, Post},
    said::{Said, run_at, run_at_with, start_at},
};

on_each_storage!(
    letters_are_counted_by_class_and_reason_and_their_bodies_hidden
    a_redrive_moves_what_may_go_and_says_what_stays
    a_dry_run_counts_and_moves_nothing
    an_edit_publishes_another_event
    a_discard_asks_first
);

const HOUR: Duration = Duration::from_secs(60 * 60);

fn said<S>(place: &Place<S>, post: &Post, arguments: &[&str]) -> Said {
    run_at(place, &post.url, &[&["dlq"], arguments].concat())
}

fn queue(json: &Value) -> &Value {
    assert_eq!(json["queues"].as_array().map(Vec::len), Some(1), "{json}");
    &json["queues"][0]
}

async fn letters_are_counted_by_class_and_reason_and_their_bodies_hidden<S: Storage>(place: &Place<S>) {
    let Some(post) = Post::of(&place.store).await else { return };
    for (id, reason) in
        [("a", Reason::AttemptsExhausted), ("b", Reason::AttemptsExhausted), ("c", Reason::Permanent)]
    {
        post.bury(&place.store, id, reason, 2 * HOUR).await;
    }
    let text = said(place, &post, &["list"]);
    assert_eq!(text.code, 0, "{}", text.err);
    assert!(text.out.starts_with(&format!("{}: 3 letters", post.queue.dead_letter)), "{}", text.out);
    for shown in ["transient  attempts-exhausted  2        2 h", "no such account", "payment.captured"] {
        assert!(text.out.contains(shown), "{shown}: {}", text.out);
    }
    post.reaches(&post.queue.dead_letter, 3).await;

    let json = said(place, &post, &["list", "--json", "--reason", "permanent"]).json();
    let listed = queue(&json);
    assert_eq!(
        (&listed["depth"], &listed["matching"], &listed["letters"][0]["id"]),
        (&json!(3), &json!(1), &json!("c"))
    );
    assert_eq!(
        listed["groups"],
        json!([{
            "class": "transient",
            "reason": "permanent",
            "letters": 1,
            "oldest_seconds": listed["groups"][0]["oldest_seconds"],
            "newest_seconds": listed["groups"][0]["newest_seconds"],
        }])
    );
    assert_eq!(listed["letters"][0]["consumer"], json!("ledger"));
    post.reaches(&post.queue.dead_letter, 3).await;

    let key = listed["letters"][0]["key"].as_str().expect("a key");
    let hidden = said(place, &post, &["show", key]);
    assert!(
        hidden.code == 0 && hidden.out.contains("17 bytes, shown by --reveal"),
        "{} {}",
        hidden.out,
        hidden.err
    );
    assert!(!text.out.contains("canary") && !hidden.out.contains("canary"), "{} {}", text.out, hidden.out);
    post.reaches(&post.queue.dead_letter, 3).await;
    let revealed = said(place, &post, &["show", "c", "--reveal", "--json"]).json();
    assert_eq!(revealed["body"], json!({ "card": "canary" }));
    assert_eq!(revealed["headers"]["x-consumer-reason"], json!("permanent"));
    post.reaches(&post.queue.dead_letter, 3).await;
    let missing = said(place, &post, &["show", "d"]);
    assert!(missing.code == 1 && missing.err.contains("there is no letter"), "{}", missing.err);
}

async fn a_redrive_moves_what_may_go_and_says_what_stays<S: Storage>(place: &Place<S>) {
    let Some(post) = Post::of(&place.store).await else { return };
    for (id, age) in [("a", HOUR), ("done", HOUR), ("old", 8 * DAY)] {
        post.bury(&place.store, id, Reason::AttemptsExhausted, age).await;
    }
    post.process(&place.store, "done").await;
    let first = said(place, &post, &["redrive", "--all", "--json"]);
    assert_eq!(first.code, 1, "two have stayed: {} {}", first.out, first.err);
    let json = first.json();
    let done = queue(&json);
    let counts = ["redriven", "processed", "too_old", "failed"].map(|what| done[what].as_u64());
    assert_eq!(counts, [1, 1, 1, 0].map(Some), "{json}");
    post.reaches(&post.queue.dead_letter, 2).await;
    let record = post.record(&place.store, "a").await.expect("a record");
    assert_eq!((record.state, record.generation, record.attempts), (FailureState::Redriven, 2, 0));

    let text = said(place, &post, &["redrive", "--all"]);
    assert!(
        text.code == 1 && text.out.contains("1 left: their events were processed"),
        "{} {}",
        text.out,
        text.err
    );
    post.reaches(&post.queue.dead_letter, 2).await;
    let last = said(place, &post, &["redrive", "--all", "--force", "--discard-processed"]);
    assert!(last.code == 0 && last.out.contains("1 letter redriven, of 2"), "{} {}", last.out, last.err);
    assert!(last.out.contains("older than claims are kept"), "{}", last.out);
    post.reaches(&post.queue.dead_letter, 0).await;
    let ids = post.take(&post.queue.name, 2).await.into_iter().map(|message| message.properties.message_id);
    assert_eq!(ids.collect::<Vec<_>>(), [Some("a".to_owned()), Some("old".to_owned())]);
}

async fn a_dry_run_counts_and_moves_nothing<S: Storage>(place: &Place<S>) {
    let Some(post) = Post::of(&place.store).await else { return };
    post.bury(&place.store, "a", Reason::Permanent, HOUR).await;
    let dry = said(place, &post, &["redrive", "--older-than", "30min", "--dry-run"]);
    assert!(dry.code == 0 && dry.out.contains("1 letter would be redriven"), "{} {}", dry.out, dry.err);
    post.reaches(&post.queue.dead_letter, 1).await;
    post.reaches(&post.queue.name, 0).await;
    let record = post.record(&place.store, "a").await.expect("a record");
    assert_eq!(record.state, FailureState::Dead);
    let none = said(place, &post, &["redrive", "--younger-than", "30min"]);
    assert!(none.code == 0 && none.out.contains("0 letters redriven, of 1"), "{} {}", none.out, none.err);
}

async fn an_edit_publishes_another_event<S: Storage>(place: &Place<S>) {
    let Some(post) = Post::of(&place.store).await else { return };
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("body");
    let file = file.to_str().expect("UTF-8");
    post.bury(&place.store, "a", Reason::Undecodable, HOUR).await;
    let saved = said(place, &post, &["show", "a", "--save", file]);
    assert_eq!(saved.code, 0, "{}", saved.err);
    assert_eq!(std::fs::read_to_string(file).expect("saved"), BODY);
    post.reaches(&post.queue.dead_letter, 1).await;
    let repaired = r#"{"card":"none","of":"a"}"#;
    let arguments = ["dlq", "edit", "a", "--body-file", "-", "--json"];
    let edited = run_at_with(place, &post.url, &arguments, repaired);
    assert_eq!(edited.code, 0, "{} {}", edited.out, edited.err);
    let json = edited.json();
    assert!(json["warnings"][0].as_str().is_some_and(|text| text.contains("old id")), "{json}");
    let message = post.take(&post.queue.name, 1).await.remove(0);
    assert_eq!(
        (message.body.as_ref(), json["id"].as_str()),
        (repaired.as_bytes(), message.properties.message_id.as_deref())
    );
    assert_eq!(message.headers.text("x-consumer-edited-from"), Some("a"));
    assert!(post.record(&place.store, "a").await.is_none());
    let again = said(place, &post, &["edit", "a", "--body-file", file]);
    assert!(again.code == 1 && again.err.contains("there is no letter"), "{}", again.err);
}

async fn a_discard_asks_first<S: Storage>(place: &Place<S>) {
    let Some(post) = Post::of(&place.store).await else { return };
    for id in ["a", "b"] {
        post.bury(&place.store, id, Reason::TransactionEnded, HOUR).await;
    }
    let asked = said(place, &post, &["discard", "--id", "a"]);
    assert!(
        asked.code == 1 && asked.out.contains("1 letter would be discarded"),
        "{} {}",
        asked.out,
        asked.err
    );
    post.reaches(&post.queue.dead_letter, 2).await;
    let done = said(place, &post, &["discard", "--id", "a", "--yes"]);
    assert!(done.code == 0 && done.out.contains("1 letter discarded"), "{} {}", done.out, done.err);
    post.reaches(&post.queue.dead_letter, 1).await;
    assert!(post.record(&place.store, "a").await.is_none() && post.record(&place.store, "b").await.is_some());
}

#[tokio::test]
async fn a_redrive_that_is_killed_is_finished_by_two_others_at_once() {
    const LETTERS: usize = 600;
    let place = &crate::place::sqlite().await;
    let Some(post) = Post::of(&place.store).await else { return };
    let ids: BTreeSet<_> = (0..LETTERS).map(|number| format!("evt-{number:03}")).collect();
    for id in &ids {
        post.bury(&place.store, id, Reason::AttemptsExhausted, HOUR).await;
    }
    let mut killed = start_at(place, &post.url, &["dlq", "redrive", "--all", "--rate", "50"]);
    post.holds(&post.queue.name, 20).await;
    killed.kill().expect("it runs");
    killed.wait().expect("it ends");
    post.holds(&post.queue.dead_letter, LETTERS as u64 / 2).await;

    let two =
        [0, 1].map(|_| start_at(place, &post.url, &["dlq", "redrive", "--all", "--rate", "200", "--json"]));
    let done = two.map(|person| Said::from(person.wait_with_output().expect("it ends")));
    let counts = done.map(|said| (said.code, queue(&said.json())["redriven"].as_u64().expect("a count")));
    assert!(counts.iter().all(|(code, redriven)| *code == 0 && *redriven > 0), "both had a part: {counts:?}");
    post.reaches(&post.queue.dead_letter, 0).await;
    let arrived = post.take_all(&post.queue.name).await;
    let distinct: BTreeSet<_> =
        arrived.iter().filter_map(|message| message.properties.message_id.clone()).collect();
    assert_eq!(distinct, ids, "none is lost");
    assert!(arrived.len() <= LETTERS + 1, "the killed one had one letter in work: {}", arrived.len());
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_said() {
    let place = crate::place::sqlite().await;
    let Some(post) = Post::of(&place.store).await else { return };
    let missing = said(&place, &post, &["list", "--queue", "cli_nothing"]);
    assert!(missing.code == 3 && missing.err.contains("`cli_nothing.dlq`"), "{}", missing.err);
}

#[tokio::test]
async fn without_a_broker_it_says_how_to_name_one() {
    let place = crate::place::sqlite().await;
    let unnamed = crate::said::run(&place, &["dlq", "list"]);
    assert!(unnamed.code == 2 && unnamed.err.contains("--amqp-url-file"), "{}", unnamed.err);
    let closed = run_at(&place, "amqp://bob:canary@127.0.0.1:1/%2f?connection_timeout=100", &["dlq", "list"]);
    assert_eq!(closed.code, 3, "{}", closed.err);
    assert!(
        !closed.err.contains("canary") && !closed.out.contains("canary"),
        "{} {}",
        closed.out,
        closed.err
    );
}
