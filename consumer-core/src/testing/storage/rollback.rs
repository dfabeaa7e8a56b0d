//! The rollback.

use super::{SuiteStorage, stage::process};

pub(super) async fn leaves_no_row<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    process.roll_back(process.work(&mut session, "1").await).await;
    assert_eq!(process.written("1").await, 0, "what was rolled back must not be seen");
}

pub(super) async fn leaves_no_claim<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    process.roll_back(process.work(&mut session, "1").await).await;
    assert!(!process.is_claimed("1").await, "a failed attempt must leave no claim");
    process.commit(process.work(&mut session, "1").await).await;
}

pub(super) async fn after_a_failed_statement_leaves_nothing<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    let mut tx = process.work(&mut session, "1").await;
    database.fail(&mut tx).await.expect_err("`fail` runs a statement that the database refuses");
    process.roll_back(tx).await;
    process.nothing("1", "a handler that failed leaves nothing").await;
}

pub(super) async fn leaves_the_session_as_good_as_new<S: SuiteStorage>(database: &S) {
    let process = process(database).await;
    let mut session = process.open().await;
    for _ in 0..3 {
        process.roll_back(process.work(&mut session, "1").await).await;
    }
    process.commit(process.work(&mut session, "1").await).await;
    assert_eq!(process.written("1").await, 1, "the attempt that succeeds takes effect once");
}
