//! What the doctor is told of a store, in the same words for all databases.

use consumer_core::doctor::Finding;

use crate::refusal::Refusal;

/// What is looked at.
pub(crate) const DATABASE: &str = "database";
const TABLES: &str = "tables";
const DURABILITY: &str = "durability";
const POOL: &str = "pool";

/// It answers.
pub(crate) fn reached(store: &str) -> Finding {
    Finding::fine(DATABASE, format!("{store} answers"))
}

/// The version of the tables, or why a start would refuse them.
pub(crate) fn tables(version: Result<i32, Refusal>) -> Finding {
    match version {
        Ok(version) => {
            Finding::fine(TABLES, format!("they are as this version needs them, at version {version}"))
        }
        Err(refusal) => refusal.finding(TABLES),
    }
}

/// A setting under which a commit is no promise.
pub(crate) fn risk(found: String, remedy: String) -> Finding {
    Finding::warns(DURABILITY, found, remedy)
}

/// What risks there are, and else what speaks for a commit. Nothing is said where the settings cannot be read.
pub(crate) fn durability(risks: Result<Vec<Finding>, sqlx::Error>, without: &str) -> Vec<Finding> {
    match risks {
        Ok(risks) if risks.is_empty() => vec![Finding::fine(DURABILITY, without)],
        Ok(risks) => risks,
        Err(_) => Vec::new(),
    }
}

/// Warns about risks at a start.
pub(crate) fn warn(risks: Result<Vec<Finding>, sqlx::Error>) {
    for Finding { found, remedy, .. } in risks.unwrap_or_default() {
        tracing::warn!("{found}; {remedy}");
    }
}

/// How many can work at once.
pub(crate) fn pool(connections: u32) -> Finding {
    let sessions = connections.saturating_sub(1);
    Finding::fine(
        POOL,
        format!(
            "{connections} connections: {sessions} for workers, relay and runner of effects, one for the rest"
        ),
    )
}
