//! Rows of the outbox, by hand.

use std::time::Duration;

use consumer::{Storage, outbox::Fate, storage::RelayId};
use serde_json::json;

use crate::{on_each_storage, place::Place, rows, said::run};

on_each_storage!(
    a_parked_row_is_seen_with_what_waits_behind_it
    a_released_row_leaves_first
    a_discarded_row_lets_its_lane_go_on
);

const LEASE: Duration = Duration::from_secs(60);

fn parked() -> Fate {
    Fate::Parked { error: "no broker takes it".to_owned() }
}

async fn next<S: Storage>(store: &S) -> Vec<uuid::Uuid> {
    let mut session = rows::session(store).await;
    let leased = store.lease_outbox(&mut session, RelayId::random(), LEASE, 10).await.expect("leased");
    leased.iter().map(|row| row.event.id).collect()
}

async fn a_parked_row_is_seen_with_what_waits_behind_it<S: Storage>(place: &Place<S>) {
    let [first, second] = rows::outbox(&place.store, parked()).await;
    let text = run(place, &["outbox", "list"]);
    assert_eq!(text.code, 0, "{}", text.err);
    assert!(text.out.starts_with("2 events to be sent, 1 of them parked"), "{}", text.out);
    assert!(text.out.contains(&first.to_string()) && text.out.contains("no broker takes it"), "{}", text.out);
    assert!(!text.out.contains(&second.to_string()) && !text.out.contains("canary"), "{}", text.out);

    let json = run(place, &["outbox", "list", "--all", "--json"]).json();
    assert_eq!((&json["unsent"], &json["parked"]), (&json!(2), &json!(1)));
    assert_eq!((&json["rows"][0]["id"], &json["rows"][0]["behind"]), (&json!(first), &json!(1)));
    assert_eq!((&json["rows"][1]["state"], &json["rows"][1]["data"]), (&json!("waiting"), &json!(null)));
    let revealed = run(place, &["outbox", "list", "--json", "--reveal", "--state", "parked"]).json();
    assert_eq!(revealed["rows"][0]["data"], json!({ "card": "canary" }));
}

async fn a_released_row_leaves_first<S: Storage>(place: &Place<S>) {
    let [first, second] = rows::outbox(&place.store, parked()).await;
    assert!(next(&place.store).await.is_empty(), "its lane waits");
    let released = run(place, &["outbox", "release", &first.to_string()]);
    assert!(released.code == 0 && released.out.contains("was released, is waiting"), "{}", released.out);
    let again = run(place, &["outbox", "release", &first.to_string(), &second.to_string()]);
    assert!(again.code == 1 && again.out.contains("it is waiting"), "{}", again.out);
    assert_eq!(next(&place.store).await, [first, second]);
}

async fn a_discarded_row_lets_its_lane_go_on<S: Storage>(place: &Place<S>) {
    let [first, second] = rows::outbox(&place.store, parked()).await;
    let discarded = run(place, &["outbox", "discard", &first.to_string(), "--json"]);
    assert_eq!(discarded.json(), json!([{ "id": first, "discarded": true, "state": "discarded" }]));
    assert_eq!(next(&place.store).await, [second]);
    let missing = run(place, &["outbox", "discard", "00000000-0000-8000-8000-000000000000"]);
    assert!(missing.code == 1 && missing.out.contains("there is no event"), "{}", missing.out);
}
