//! Effects, by hand.

use consumer::{
    Storage,
    effect::{EffectState, Ending},
};
use serde_json::json;

use crate::{
    on_each_storage,
    place::Place,
    rows::{self, REQUEST},
    said::{run, run_with},
};

on_each_storage!(
    what_waits_for_a_person_is_listed_and_its_bytes_are_hidden
    what_was_found_out_is_replayed
    a_failed_effect_is_called_again
    an_effect_that_may_have_worked_is_not_called_again_by_accident
    an_effect_in_another_state_is_left_alone
);

fn failed() -> Option<Ending> {
    Some(Ending::Failed { error: "no such card\u{1b}[2J".to_owned() })
}

fn unknown() -> Option<Ending> {
    Some(Ending::Unknown { error: "the answer was lost".to_owned() })
}

async fn what_waits_for_a_person_is_listed_and_its_bytes_are_hidden<S: Storage>(place: &Place<S>) {
    let failed = rows::effect(&place.store, 1, failed()).await.to_string();
    let unknown = rows::effect(&place.store, 2, unknown()).await.to_string();
    let planned = rows::effect(&place.store, 3, None).await.to_string();

    let text = run(place, &["effects", "list"]);
    assert_eq!(text.code, 0, "{}", text.err);
    assert!(text.out.contains("charge: 1 failed") && text.out.contains("charge: 1 unknown"), "{}", text.out);
    assert!(text.out.contains(&failed) && text.out.contains(&unknown), "{}", text.out);
    assert!(!text.out.contains(&planned) && !text.out.contains('\u{1b}'), "{}", text.out);

    let ids = |arguments: &[&str]| {
        let listed = run(place, &[&["effects", "list", "--json"], arguments].concat()).json();
        let id = |row: &serde_json::Value| row["id"].as_str().expect("an id").to_owned();
        listed.as_array().expect("an array").iter().map(id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), [failed.clone(), unknown.clone()]);
    assert_eq!(ids(&["--all"]), [failed.clone(), unknown.clone(), planned.clone()]);
    assert_eq!(ids(&["--state", "planned", "--state", "unknown"]), [unknown.clone(), planned]);
    assert_eq!(ids(&["--limit", "1"]), std::slice::from_ref(&failed));
    assert_eq!(ids(&["--effect", "receipt"]), [""; 0]);

    for hidden in [
        run(place, &["effects", "list", "--all"]),
        run(place, &["effects", "list", "--json"]),
        run(place, &["effects", "show", &failed]),
    ] {
        assert!(!hidden.out.contains("canary") && hidden.code == 0, "{}", hidden.out);
    }
    assert!(run(place, &["effects", "show", &failed, "--reveal"]).out.contains(REQUEST));
    let revealed = run(place, &["effects", "show", &unknown, "--reveal", "--json"]).json();
    assert_eq!(revealed["request"], json!({ "card": "canary" }));
    assert_eq!(revealed["idempotency_key"], "key-2");
}

async fn what_was_found_out_is_replayed<S: Storage>(place: &Place<S>) {
    let id = rows::effect(&place.store, 1, unknown()).await;
    let resolved = run(place, &["effects", "resolve", &id.to_string(), "--done", r#"{"charge":"ch_1"}"#]);
    assert_eq!(resolved.code, 0, "{}", resolved.err);
    assert_eq!(resolved.out.trim(), format!("effect {id} (charge) was unknown, is done"));
    let mut session = rows::session(&place.store).await;
    let record = place.store.find_effect(&mut session, id).await.expect("found").expect("there");
    assert_eq!(
        (record.state, record.result.as_deref()),
        (EffectState::Done, Some(&br#"{"charge":"ch_1"}"#[..]))
    );

    let other = rows::effect(&place.store, 2, unknown()).await.to_string();
    let nonsense = run(place, &["effects", "resolve", &other, "--done", "ch_1"]);
    assert!(nonsense.code == 2 && nonsense.err.contains("as JSON"), "{} {}", nonsense.code, nonsense.err);
    let piped = run_with(place, &["effects", "resolve", &other, "--done", "-", "--json"], "[1]").json();
    assert_eq!(piped, json!({ "id": other, "effect": "charge", "was": "unknown", "is": "done" }));

    let third = rows::effect(&place.store, 3, unknown()).await.to_string();
    let refuted = run(place, &["effects", "resolve", &third, "--not-done", "the bank knows nothing of it"]);
    assert!(refuted.out.contains("was unknown, is failed"), "{} {}", refuted.out, refuted.err);
    let shown = run(place, &["effects", "show", &third]);
    assert!(shown.out.contains("the bank knows nothing of it"), "{}", shown.out);
}

async fn a_failed_effect_is_called_again<S: Storage>(place: &Place<S>) {
    let id = rows::effect(&place.store, 1, failed()).await.to_string();
    let nobody = "00000000-0000-8000-8000-000000000000";
    let released = run(place, &["effects", "release", nobody, &id]);
    assert_eq!(released.code, 1, "one of them is not there: {}", released.err);
    assert!(released.out.contains(&format!("there is no effect {nobody}")), "{}", released.out);
    assert!(released.out.contains("was failed, is planned"), "{}", released.out);
}

async fn an_effect_that_may_have_worked_is_not_called_again_by_accident<S: Storage>(place: &Place<S>) {
    let id = rows::effect(&place.store, 1, unknown()).await.to_string();
    let refused = run(place, &["effects", "release", &id]);
    assert_eq!(refused.code, 1);
    assert!(refused.out.contains("key-1") && refused.out.contains("--even-if-done"), "{}", refused.out);
    assert!(run(place, &["effects", "show", &id]).out.contains("unknown"));
    let released = run(place, &["effects", "release", &id, "--even-if-done"]);
    assert!(released.code == 0 && released.out.contains("was unknown, is planned"), "{}", released.out);
}

async fn an_effect_in_another_state_is_left_alone<S: Storage>(place: &Place<S>) {
    let id = rows::effect(&place.store, 1, Some(Ending::Done("1".into()))).await.to_string();
    let resolved = run(place, &["effects", "resolve", &id, "--not-done", "why"]);
    assert!(resolved.code == 1 && resolved.err.contains("it is done"), "{}", resolved.err);
    let released = run(place, &["effects", "release", &id]);
    assert!(released.code == 1 && released.out.contains("it is done"), "{}", released.out);
    let missing = run(place, &["effects", "show", "00000000-0000-8000-8000-000000000000", "--json"]);
    assert!(missing.code == 1 && missing.json()["error"].is_string(), "{}", missing.out);
}
