//! Which messages are the same event, on each database: never more than the publisher says, never fewer.

use std::collections::BTreeMap;

use consumer::{
    App, MySqlStore, PgStore, SqliteStore, Storage,
    memory::MemoryBroker,
    message::{HeaderValue, Message},
    prelude::*,
    sqlx::{self, MySqlConnection, PgConnection, SqliteConnection},
};
use consumer_tests::{
    auditor::Auditor,
    backend::Backend,
    business::Business,
    event::Paid,
    stage::{Stage, message},
};

const LARGEST_BODY: usize = 32 * 1024 * 1024;

macro_rules! consumers {
    ($module:ident, $connection:ty) => {
        mod $module {
            use super::*;

            #[consumer(name = "ledger")]
            pub(super) async fn ledger(
                event: Paid,
                conn: &mut $connection,
                meta: Meta,
            ) -> Result<(), sqlx::Error> {
                conn.take_effect(meta.consumer(), &event.payment).await
            }

            #[consumer(name = "mailer")]
            pub(super) async fn mailer(
                event: Paid,
                conn: &mut $connection,
                meta: Meta,
            ) -> Result<(), sqlx::Error> {
                conn.take_effect(meta.consumer(), &event.payment).await
            }
        }
    };
}

consumers!(on_postgres, PgConnection);
consumers!(on_mysql, MySqlConnection);
consumers!(on_sqlite, SqliteConnection);

/// A message whose payment says what it is.
fn paid(id: &str, payment: &str) -> Message {
    message(id, "payment.captured", &serde_json::to_string(&Paid::new(payment)).expect("JSON"))
}

/// The same as a structured CloudEvent.
fn cloud_event(source: &str, id: &str, payment: &str) -> Message {
    let event = serde_json::json!({
        "specversion": "1.0", "type": "payment.captured", "source": source, "id": id,
        "data": Paid::new(payment),
    });
    let mut message = message("", "", &event.to_string());
    message.properties.message_type = None;
    message.properties.content_type = Some("application/cloudevents+json; charset=utf-8".to_owned());
    message
}

/// The same as a binary CloudEvent.
fn binary_cloud_event(source: &str, id: &str, payment: &str) -> Message {
    let mut message = paid("", payment);
    message.properties.message_type = None;
    for (name, value) in
        [("specversion", "1.0"), ("type", "payment.captured"), ("source", source), ("id", id)]
    {
        message.headers.insert(format!("cloudEvents:{name}"), HeaderValue::from(value));
    }
    message
}

async fn deliver<S: Storage>(store: S, app: App<S>, messages: &[(&str, Message)]) -> Vec<String> {
    let stage = Stage::start(store, MemoryBroker::new(), app).await;
    for (queue, message) in messages {
        stage.publish_message(queue, message.clone()).await;
        stage.drained(queue).await;
    }
    let dead = stage.dead("ledger");
    stage.stop().await.expect("a clean stop");
    dead
}

/// Delivers messages on one database; how often each payment took effect, and the reasons of the dead letters.
async fn deliver_on(
    backend: Backend,
    messages: &[(&str, Message)],
) -> Option<(BTreeMap<(String, String), u64>, Vec<String>)> {
    let database = backend.database().await?;
    let mut auditor = Auditor::connect(backend, database.url()).await;
    auditor.create_business().await;
    let url = database.url();
    macro_rules! on {
        ($store:ident, $module:ident) => {{
            let app = App::new().register_with::<($module::ledger, $module::mailer)>(|c| {
                c.concurrency(1).max_body_bytes(LARGEST_BODY)
            });
            deliver($store::connect(url).await.expect("a store"), app, messages).await
        }};
    }
    let dead = match backend {
        Backend::Postgres => on!(PgStore, on_postgres),
        Backend::MySql => on!(MySqlStore, on_mysql),
        Backend::Sqlite => on!(SqliteStore, on_sqlite),
    };
    Some((auditor.effects().await, dead))
}

/// Delivers payments to the ledger, each twice, and expects each once.
async fn expect_apart(events: &[(&str, Message)]) {
    let twice: Vec<_> = events.iter().chain(events).map(|(_, message)| ("ledger", message.clone())).collect();
    for backend in Backend::ALL {
        let Some((effects, dead)) = deliver_on(backend, &twice).await else { continue };
        assert!(dead.is_empty(), "{backend}: {dead:?}");
        let expected: BTreeMap<_, _> =
            events.iter().map(|(payment, _)| (("ledger".to_owned(), (*payment).to_owned()), 1)).collect();
        assert_eq!(effects, expected, "{backend}");
    }
}

#[tokio::test]
async fn ids_that_a_collation_would_equate_are_different_events() {
    let ids = [
        "abc",
        "ABC",
        "abc ",
        " abc",
        "äbc",
        "a\u{308}bc",
        "abc\u{200b}",
        "ａｂｃ",
        "Straße",
        "STRASSE",
        "strasse",
    ];
    let events: Vec<_> = ids.iter().enumerate().map(|(n, id)| (format!("p{n}"), *id)).collect();
    let events: Vec<_> = events.iter().map(|(payment, id)| (payment.as_str(), paid(id, payment))).collect();
    expect_apart(&events).await;
}

#[tokio::test]
async fn hostile_ids_do_no_harm() {
    let longest = "x".repeat(255);
    let ids = [
        longest.as_str(),
        "a\0b",
        "a\0c",
        "'; DROP TABLE processed_events; --",
        "\u{1b}[31mred\u{1b}[0m",
        "../../etc/passwd",
        "\u{202e}txet",
        "new\nline",
        "018f6f3e-2b3c-7d4e-8f5a-6b7c8d9e0f1a",
        "018F6F3E-2B3C-7D4E-8F5A-6B7C8D9E0F1A",
    ];
    let events: Vec<_> = ids.iter().enumerate().map(|(n, id)| (format!("p{n}"), *id)).collect();
    let events: Vec<_> = events.iter().map(|(payment, id)| (payment.as_str(), paid(id, payment))).collect();
    expect_apart(&events).await;
}

#[tokio::test]
async fn an_id_belongs_to_its_source() {
    expect_apart(&[
        ("p1", cloud_event("/shops/1", "7", "p1")),
        ("p2", cloud_event("/shops/2", "7", "p2")),
        ("p3", paid("7", "p3")),
    ])
    .await;
}

#[tokio::test]
async fn one_event_on_several_roads_takes_effect_once() {
    let roads = [cloud_event("/shops/1", "7", "p1"), binary_cloud_event("/shops/1", "7", "p1")];
    let messages: Vec<_> = roads.iter().chain(&roads).map(|message| ("ledger", message.clone())).collect();
    for backend in Backend::ALL {
        let Some((effects, dead)) = deliver_on(backend, &messages).await else { continue };
        assert!(dead.is_empty(), "{backend}: {dead:?}");
        assert_eq!(
            effects.into_iter().collect::<Vec<_>>(),
            [(("ledger".to_owned(), "p1".to_owned()), 1)],
            "{backend}"
        );
    }
}

#[tokio::test]
async fn one_event_takes_effect_in_each_of_two_consumers() {
    let messages = [("ledger", paid("7", "p1")), ("mailer", paid("7", "p1")), ("ledger", paid("7", "p1"))];
    for backend in Backend::ALL {
        let Some((effects, dead)) = deliver_on(backend, &messages).await else { continue };
        assert!(dead.is_empty(), "{backend}: {dead:?}");
        let of = |consumer: &str| ((consumer.to_owned(), "p1".to_owned()), 1);
        assert_eq!(effects.into_iter().collect::<Vec<_>>(), [of("ledger"), of("mailer")], "{backend}");
    }
}

#[tokio::test]
async fn another_body_under_a_used_id_is_never_skipped_and_another_spelling_is_no_other_body() {
    let spelled = message(
        "7",
        "payment.captured",
        r#" { "fails":0, "fatal":false, "doomed" : false , "payment" : "p\u0031" } "#,
    );
    let messages = [("ledger", paid("7", "p1")), ("ledger", spelled), ("ledger", paid("7", "p2"))];
    for backend in Backend::ALL {
        let Some((effects, dead)) = deliver_on(backend, &messages).await else { continue };
        assert_eq!(dead, ["id-reused"], "{backend}");
        assert_eq!(
            effects.into_iter().collect::<Vec<_>>(),
            [(("ledger".to_owned(), "p1".to_owned()), 1)],
            "{backend}"
        );
    }
}

#[tokio::test]
async fn an_id_of_ten_megabytes_is_a_dead_letter_and_its_neighbour_is_not() {
    let huge = cloud_event("/shops/1", &"x".repeat(10_000_000), "p1");
    let messages = [("ledger", huge), ("ledger", paid("", "p2")), ("ledger", paid("7", "p3"))];
    for backend in Backend::ALL {
        let Some((effects, dead)) = deliver_on(backend, &messages).await else { continue };
        assert_eq!(dead, ["bad-id", "missing-id"], "{backend}");
        assert_eq!(
            effects.into_iter().collect::<Vec<_>>(),
            [(("ledger".to_owned(), "p3".to_owned()), 1)],
            "{backend}"
        );
    }
}
