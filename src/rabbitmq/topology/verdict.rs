//! The verdict on a difference: what it means for messages.

use consumer_core::doctor::Finding;

use super::{
    mismatch::Mismatch,
    wanted::{Role, Wanted},
};

const REMEDY: &str = "change it by a policy where one can, or drain, delete and declare the queue again";

/// A warning where messages can get lost, else a remark.
pub(super) fn judge(wanted: &Wanted, difference: &Mismatch) -> Finding {
    match loses(wanted.role, difference) {
        Some(loses) => Finding::warns(wanted.subject(), format!("{difference}: {loses}"), REMEDY),
        None => Finding::fine(wanted.subject(), format!("{difference}, which loses nothing")),
    }
}

fn loses(role: Role, difference: &Mismatch) -> Option<&'static str> {
    let found = difference.found.as_deref();
    match (difference.argument.as_str(), found) {
        ("durable", _) => Some("a restart of the broker loses the queue and what is in it"),
        ("auto_delete", Some("true")) => {
            Some("the queue goes, with what is in it, when its last consumer goes")
        }
        ("x-expires", Some(_)) => Some("the queue goes, with what is in it, when nobody uses it"),
        ("x-max-length" | "x-max-length-bytes", Some(_)) => Some("a full queue drops or rejects messages"),
        (argument, found) => match role {
            Role::Work => loses_work(argument, found),
            Role::DeadLetters => loses_dead_letters(argument, found),
            Role::Wait => loses_copies(argument, found),
        },
    }
}

fn loses_work(argument: &str, found: Option<&str>) -> Option<&'static str> {
    match (argument, found) {
        ("x-dead-letter-exchange" | "x-dead-letter-routing-key", _) => {
            Some("what the broker itself gives up on goes elsewhere, or nowhere")
        }
        ("x-dead-letter-strategy" | "x-overflow", _) => {
            Some("what the broker itself gives up on can get lost on its way")
        }
        ("x-message-ttl", Some(_)) => Some("messages vanish by their age"),
        ("x-queue-type", Some("classic")) => {
            Some("no delivery is counted, so a message that kills the process comes for ever")
        }
        _ => None,
    }
}

fn loses_dead_letters(argument: &str, found: Option<&str>) -> Option<&'static str> {
    match (argument, found) {
        ("x-message-ttl", Some(_)) => Some("dead letters vanish by their age"),
        ("x-delivery-limit", Some(_)) => Some("dead letters vanish when they are looked at that often"),
        _ => None,
    }
}

fn loses_copies(argument: &str, found: Option<&str>) -> Option<&'static str> {
    match (argument, found) {
        ("x-dead-letter-exchange" | "x-dead-letter-routing-key", _) => {
            Some("what has waited in it goes elsewhere, or nowhere, and not back to its queue")
        }
        ("x-dead-letter-strategy" | "x-overflow", _) => {
            Some("it is not at-least-once, so what has waited in it can get lost on its way back")
        }
        ("x-queue-type", _) => Some(
            "only a quorum queue is at-least-once, so what has waited in it can get lost on its way back",
        ),
        ("x-message-ttl", None) => Some("what has no expiration of its own waits in it for ever"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use consumer_core::{broker::QueueSpec, doctor::Severity};

    use super::*;
    use crate::rabbitmq::topology::wanted;

    fn severity(role: Role, argument: &str, found: Option<&str>) -> Severity {
        let ladder = vec![Duration::from_secs(5)];
        let mut all = wanted::all(&QueueSpec { ladder, ..QueueSpec::new("q") }).into_iter();
        let wanted = all.find(|wanted| wanted.role == role).expect("one of each");
        let (argument, found) = (argument.to_owned(), found.map(str::to_owned));
        judge(&wanted, &Mismatch { argument, found, expected: None }).severity
    }

    #[test]
    fn what_loses_messages_is_warned_about() {
        for (role, argument, found) in [
            (Role::Work, "durable", Some("false")),
            (Role::Work, "x-message-ttl", Some("60000")),
            (Role::Work, "x-queue-type", Some("classic")),
            (Role::DeadLetters, "x-message-ttl", Some("60000")),
            (Role::DeadLetters, "x-delivery-limit", Some("20")),
            (Role::Wait, "auto_delete", Some("true")),
            (Role::Wait, "x-expires", Some("60000")),
            (Role::Wait, "x-dead-letter-strategy", None),
            (Role::Wait, "x-overflow", None),
            (Role::Wait, "x-dead-letter-routing-key", Some("other")),
            (Role::Wait, "x-dead-letter-exchange", None),
            (Role::Wait, "x-queue-type", None),
            (Role::Wait, "x-message-ttl", None),
        ] {
            assert_eq!(severity(role, argument, found), Severity::Warns, "{role} {argument}");
        }
    }

    #[test]
    fn what_only_differs_is_a_remark() {
        for (role, argument, found) in [
            (Role::Work, "x-max-priority", Some("5")),
            (Role::Work, "x-delivery-limit", Some("5")),
            (Role::DeadLetters, "x-queue-type", Some("classic")),
            (Role::DeadLetters, "x-delivery-limit", None),
            (Role::Wait, "x-message-ttl", Some("60000")),
        ] {
            assert_eq!(severity(role, argument, found), Severity::Fine, "{role} {argument}");
        }
    }
}
