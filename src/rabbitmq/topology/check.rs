//! The check of queues that are not ours to declare.

use consumer_core::{
    Error, Result,
    broker::QueueSpec,
    doctor::{Finding, Severity},
};
use tracing::{info, warn};

use super::{
    difference::differences,
    look, verdict,
    wanted::{self, Wanted},
};
use crate::rabbitmq::session::Session;

/// Passes a queue, with what belongs to it, or names everything that is missing; warns of what would lose messages.
pub(super) async fn pass(session: &Session, queue: &QueueSpec) -> Result<()> {
    let mut missing = Vec::new();
    for wanted in wanted::all(queue) {
        for finding in check(session, &wanted).await? {
            match finding.severity {
                Severity::Refuses => {
                    missing.push(format!("{} {}: {}", finding.subject, finding.found, finding.remedy));
                }
                Severity::Warns => warn!(queue = queue.name, %finding, "a queue can lose messages"),
                Severity::Fine => info!(queue = queue.name, %finding, "a queue was checked"),
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(Error::topology(missing.join("; "))) }
}

/// What is to be said about one queue; nothing if it is as we would declare it.
///
/// # Errors
/// [`is_unavailable`](Error::is_unavailable): the broker could not be asked.
pub(super) async fn check(session: &Session, wanted: &Wanted) -> Result<Vec<Finding>> {
    match look::at_queue(session, &wanted.name).await {
        Ok(Some(_)) => {}
        Ok(None) => return Ok(vec![missing(wanted)]),
        Err(error) if error.is_unavailable() => return Err(error),
        Err(error) => return Ok(vec![unusable(wanted, &error)]),
    }
    match differences(session, wanted).await {
        Ok(differences) => {
            Ok(differences.iter().map(|difference| verdict::judge(wanted, difference)).collect())
        }
        Err(error) if error.is_unavailable() => Err(error),
        // A user without the right to configure may still consume.
        Err(error) => {
            let found = format!("its arguments could not be checked: {error}");
            Ok(vec![Finding::fine(wanted.subject(), found)])
        }
    }
}

fn missing(wanted: &Wanted) -> Finding {
    let found = "does not exist, and topology `check` declares nothing";
    Finding::refuses(wanted.subject(), found, "declare it, or set topology `declare`")
}

/// One that another connection has for itself, or whose name is too long.
pub(super) fn unusable(wanted: &Wanted, error: &Error) -> Finding {
    Finding::refuses(wanted.subject(), error.to_string(), "free it, or take another name")
}
