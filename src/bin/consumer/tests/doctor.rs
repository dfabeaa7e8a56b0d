//! What the doctor finds.

use consumer::{
    Storage,
    broker::{QueueSpec, Topology},
    doctor::Deployment,
};
use serde_json::{Value, json};

use crate::{
    on_each_storage,
    place::Place,
    post::Post,
    said::{Said, consumer, run, run_at},
};

on_each_storage!(
    a_consumer_that_could_start_is_healthy
    all_that_is_wrong_is_said_at_once_with_its_remedy
    a_broker_that_is_not_there_leaves_the_database_to_be_examined
);

fn findings(said: &Said) -> Vec<Value> {
    said.json()["findings"].as_array().expect("findings").clone()
}

/// Those that are not as they should be, by what they are about.
fn wrong(said: &Said) -> Vec<(String, String)> {
    let text = |finding: &Value, what: &str| finding[what].as_str().expect("a text").to_owned();
    let all = findings(said).into_iter().filter(|finding| finding["severity"] != json!("ok"));
    let wrong = all.inspect(|finding| assert_ne!(finding["remedy"], json!(""), "{finding}"));
    wrong.map(|finding| (text(&finding, "subject"), text(&finding, "found"))).collect()
}

async fn a_consumer_that_could_start_is_healthy<S: Storage>(place: &Place<S>) {
    let Some(post) = Post::of(&place.store).await else { return };
    let said = run_at(place, &post.url, &["doctor", "--json"]);
    assert_eq!((said.code, said.json()["healthy"].clone()), (0, json!(true)), "{} {}", said.out, said.err);
    let text = run_at(place, &post.url, &["doctor"]);
    assert!(text.code == 0 && text.out.contains("0 refused"), "{}", text.out);
}

async fn all_that_is_wrong_is_said_at_once_with_its_remedy<S: Storage>(place: &Place<S>) {
    let Some(post) = Post::of(&place.store).await else { return };
    let queue =
        QueueSpec { topology: Topology::Check, ..QueueSpec::new(format!("{}_missing", post.queue.name)) };
    let lost = Deployment { queue, concurrency: 8, prefetch: 2, ..Deployment::unknown("lost", "") };
    place
        .store
        .enroll(&[consumer::storage::ConsumerName { name: "lost", aliases: &[] }])
        .await
        .expect("enrolled");
    place.store.note_deployments(&[("lost", lost.to_json())]).await.expect("noted");
    let said = run_at(place, &post.url, &["doctor", "--json", "--retention", "10min"]);
    assert_eq!(said.code, 1, "{} {}", said.out, said.err);
    let wrong = wrong(&said);
    for expected in
        ["_missing.dlq`", "_missing`", "claims are kept for 600s", "prefetch (2) is below concurrency (8)"]
    {
        let is_said =
            wrong.iter().any(|(subject, found)| subject.contains(expected) || found.contains(expected));
        assert!(is_said, "{expected}: {wrong:?}");
    }
    let healthy = run_at(place, &post.url, &["doctor", "--consumer", "ledger"]);
    assert_eq!(healthy.code, 0, "{}", healthy.out);
}

async fn a_broker_that_is_not_there_leaves_the_database_to_be_examined<S: Storage>(place: &Place<S>) {
    let unnamed = run(place, &["doctor", "--json"]);
    assert_eq!(unnamed.code, 1, "{} {}", unnamed.out, unnamed.err);
    assert!(wrong(&unnamed).iter().any(|(subject, found)| subject == "broker" && found.contains("AMQP_URL")));
    assert!(
        findings(&unnamed).iter().any(|finding| finding["subject"] == json!("tables")),
        "{}",
        unnamed.out
    );
}

#[tokio::test]
async fn a_wrong_password_of_either_is_a_finding_and_is_not_shown() {
    let place = crate::place::sqlite().await;
    let Some(post) = Post::of(&place.store).await else { return };
    let stranger = post.url.replacen("://", "://bob:canary@127.0.0.1#", 1);
    let host = post.url.rsplit('@').next().expect("a host");
    assert!(stranger.contains("canary"));
    let said = run_at(&place, &format!("amqp://bob:canary@{host}"), &["doctor", "--json"]);
    assert!(
        said.code == 1
            && wrong(&said).iter().any(|(subject, found)| subject == "broker" && found.contains("bob")),
        "{}",
        said.out
    );
    assert!(!said.out.contains("canary") && !said.err.contains("canary"), "{} {}", said.out, said.err);

    let without_database: Said = consumer()
        .env("DATABASE_URL", "postgres://bob:canary@127.0.0.1:1/db")
        .env("AMQP_URL", &post.url)
        .args(["doctor", "--json", "--queue", &post.queue.name])
        .output()
        .expect("it runs")
        .into();
    assert_eq!(without_database.code, 1, "{}", without_database.err);
    assert!(wrong(&without_database).iter().any(|(subject, _)| subject == "database"));
    let queue = json!(format!("queue `{}`", post.queue.name));
    assert!(
        findings(&without_database).iter().any(|finding| finding["subject"] == queue),
        "{}",
        without_database.out
    );
    assert!(!without_database.out.contains("canary"), "{}", without_database.out);
}

#[tokio::test]
async fn tables_that_are_missing_are_a_finding_and_none_is_created() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("empty.db").display());
    consumer::sqlx::SqlitePool::connect(&format!("{url}?mode=rwc")).await.expect("a file");
    let said: Said =
        consumer().env("DATABASE_URL", &url).args(["doctor", "--json"]).output().expect("it runs").into();
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(wrong(&said).iter().any(|(subject, _)| subject == "tables"), "{}", said.out);
    let tables: i64 = consumer::sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema")
        .fetch_one(&consumer::sqlx::SqlitePool::connect(&url).await.expect("a file"))
        .await
        .expect("a count");
    assert_eq!(tables, 0);
}
