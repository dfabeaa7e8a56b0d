//! What is known of consumers: their names, and how they are set up.

use super::{
    SuiteStorage,
    stage::{enroll, process},
};
use crate::storage::{Enrolled, Storage};

pub(super) async fn names_come_in_their_order<S: SuiteStorage>(database: &S) {
    let (one, other) = (process(database).await, process(database).await);
    let renamed = enroll(&one.store, "b", &["B"]).await;
    let ids = [("a ", &[][..]), ("a", &[]), ("ä", &[])];
    for (name, aliases) in ids {
        enroll(&one.store, name, aliases).await;
    }
    let enrolled = other.store.enrolled().await.expect("consumers can be listed");
    let names: Vec<&str> = enrolled.iter().map(|enrolled| enrolled.name.as_str()).collect();
    assert_eq!(names, ["B", "a", "a ", "b", "suite", "ä"], "by their bytes");
    let of_renamed = enrolled.iter().filter(|enrolled| enrolled.id == renamed);
    assert_eq!(of_renamed.count(), 2, "a consumer that was renamed has two names");
    assert!(enrolled.iter().all(|enrolled| enrolled.deployment.is_none()), "nobody has noted anything");
}

pub(super) async fn a_deployment_comes_back_as_it_was_noted<S: SuiteStorage>(database: &S) {
    let (one, other) = (process(database).await, process(database).await);
    for name in ["A", "a", "a "] {
        enroll(&one.store, name, &[]).await;
    }
    let long = format!(r#"{{"queue":"é 🦀 \\u0000","ladder":"{}"}}"#, "x".repeat(100_000));
    for noted in ["{}".to_owned(), long] {
        let deployments = [("suite", "[1]".to_owned()), ("a", noted.clone()), ("nobody", noted.clone())];
        one.store.note_deployments(&deployments).await.expect("a deployment can be noted");
        let enrolled = other.store.enrolled().await.expect("consumers can be listed");
        let of = |name: &str| deployment(&enrolled, name);
        assert_eq!(of("a"), Some(Some(noted.as_str())), "the last one counts");
        assert_eq!((of("A"), of("a ")), (Some(None), Some(None)), "a name is its bytes");
        assert_eq!((of("suite"), of("nobody")), (Some(Some("[1]")), None), "nobody is enrolled by it");
    }
    enroll(&other.store, "a", &[]).await;
    let enrolled = one.store.enrolled().await.expect("consumers can be listed");
    assert!(deployment(&enrolled, "a").flatten().is_some(), "an enrolment forgets nothing");
    one.store.note_deployments(&[]).await.expect("there may be nothing to note");
}

fn deployment<'a>(enrolled: &'a [Enrolled], name: &str) -> Option<Option<&'a str>> {
    enrolled.iter().find(|enrolled| enrolled.name == name).map(|enrolled| enrolled.deployment.as_deref())
}
