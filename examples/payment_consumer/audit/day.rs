//! What must be true of a day whose messages were counted.

use super::{Check, Figure, check, figure};
use crate::{books::Books, day::Log, figure::count};

pub(super) fn traffic(log: &Log) -> Vec<Figure> {
    vec![
        figure("events published", log.published, format!("{} of them poisoned", count(log.poisoned))),
        figure(
            "messages delivered",
            log.delivered,
            format!("{} published twice, {} delivered again", count(log.doubled), count(log.redelivered)),
        ),
        figure("duplicates skipped", log.duplicates, "their claims were found".to_owned()),
    ]
}

pub(super) fn accidents(log: &Log) -> Vec<Figure> {
    let accidents = format!("{} units cut off, {} panics", count(log.cut_off), count(log.panics));
    vec![
        figure("dead-lettered", log.dead(), reasons(log)),
        figure("crashes survived", log.crashes, accidents),
        figure("gateway faults", log.faults.values().sum(), faults(log)),
        figure("channels lost", log.lost_channels, format!("{} confirms", count(log.lost_confirms))),
    ]
}

fn reasons(log: &Log) -> String {
    let reasons = log.dead_letters.iter().map(|(reason, times)| format!("{} {reason}", count(*times)));
    reasons.collect::<Vec<_>>().join(", ")
}

fn faults(log: &Log) -> String {
    let faults = log.faults.iter().map(|(fault, times)| format!("{} {fault}", count(*times)));
    faults.collect::<Vec<_>>().join(", ")
}

pub(super) fn checks(books: &Books, log: &Log) -> Vec<Check> {
    let (applied, rejected) = (books.applied(), books.rejected());
    vec![
        check(
            "every event has one outcome",
            applied + rejected + log.dead() == log.published,
            format!("{} + {} + {}", count(applied), count(rejected), count(log.dead())),
        ),
        check(
            "only what was poisoned is a dead letter",
            log.dead() == log.poisoned,
            format!("{} of {}", count(log.dead()), count(log.poisoned)),
        ),
        check(
            "every kind of accident happened",
            log.accidents().iter().all(|&times| times > 0),
            "a day without them would prove nothing".to_owned(),
        ),
    ]
}
