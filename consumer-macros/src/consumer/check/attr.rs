//! The rules of the attribute's values.

use std::time::Duration;

use syn::{ExprLit, Lit, LitStr};

use super::super::attr::Attr;
use crate::{duration, mistake::Mistakes, name};

/// AMQP's limit is 255: this leaves room for the suffixes of dead-letter and wait queues.
const LONGEST_QUEUE: usize = 200;
/// RabbitMQ's own limit for a delivery without acknowledgement, by default.
const CONSUMER_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Beyond it a batch only holds its locks for longer: the round trips are a thousandth already.
const LARGEST_BATCH: u16 = 1_000;

/// Name, aliases and queue.
pub(super) fn names(attr: &Attr, mistakes: &mut Mistakes) {
    attr.name.iter().for_each(|text| name(text, "name", mistakes));
    attr.queue.iter().for_each(|text| queue(text, mistakes));
    for (i, alias) in attr.aliases.iter().enumerate() {
        name(alias, "alias", mistakes);
        if attr.aliases[..i].iter().chain(&attr.name).any(|other| other.value() == alias.value()) {
            let text = "an alias is a name that the consumer had before: this one is said twice; remove it";
            mistakes.add(alias, text);
        }
    }
}

fn name(text: &LitStr, kind: &str, mistakes: &mut Mistakes) {
    let whose = format!("a consumer's {kind}");
    name::check(text, &whose, "the claims of its events are kept under it", mistakes);
}

fn queue(text: &LitStr, mistakes: &mut Mistakes) {
    let value = text.value();
    let wrong = if value.is_empty() {
        "is not empty: an empty name asks RabbitMQ for a new queue at every start; leave `queue` out to use `name`"
            .to_owned()
    } else if value.starts_with("amq.") {
        "does not start with `amq.`: RabbitMQ keeps these names for itself and refuses to declare them; choose another"
            .to_owned()
    } else if value.contains(char::is_control) {
        "has no control characters: nobody could type it into a tool; remove them".to_owned()
    } else if value.len() > LONGEST_QUEUE {
        let bytes = value.len();
        format!(
            "has at most {LONGEST_QUEUE} bytes, this one has {bytes}: AMQP takes 255, and its dead-letter queue is named \
             after it; shorten it"
        )
    } else {
        return;
    };
    mistakes.add(text, format!("a queue's name {wrong}"));
}

/// How long one call may run.
pub(super) fn timeout(attr: &Attr, mistakes: &mut Mistakes) -> Option<Duration> {
    let text = attr.timeout.as_ref()?;
    let timeout = duration::check(text, mistakes)?;
    if timeout.is_zero() {
        let reason = "a call that may take no time is always late; leave `timeout` out for 30 seconds";
        mistakes.add(text, format!("a timeout is more than nothing: {reason}"));
    } else if timeout >= CONSUMER_TIMEOUT {
        let reason = "by then RabbitMQ closes the channel of a delivery that nobody has acknowledged, and delivers it \
                      again while the first call still runs; split the work into smaller events";
        mistakes.add(text, format!("a timeout is below 30 minutes: {reason}"));
    }
    Some(timeout)
}

/// How many events one transaction takes up.
pub(super) fn batch(attr: &Attr, mistakes: &mut Mistakes) -> Option<u16> {
    let literal = attr.batch.as_ref()?;
    let size = size(literal);
    if let Err(wrong) = &size {
        mistakes.add(literal, format!("a batch {wrong}"));
    }
    size.ok()
}

fn size(literal: &ExprLit) -> Result<u16, String> {
    let Lit::Int(int) = &literal.lit else {
        return Err("is a whole number of events, without quotes; write `batch = 64`".to_owned());
    };
    if !int.suffix().is_empty() {
        let digits = int.base10_digits();
        return Err(format!("is a plain number of events; write `batch = {digits}`"));
    }
    match int.base10_parse() {
        Ok(0) => Err("takes one event at least, or nothing would ever be consumed; leave `batch` out, and each event has a \
                      transaction of its own"
            .to_owned()),
        Ok(size) if size <= LARGEST_BATCH => Ok(size),
        _ => Err(format!(
            "takes at most {LARGEST_BATCH} events: they are one transaction, which holds its locks until the last of them, and \
             does all of them again when it fails; write `batch = 64`"
        )),
    }
}
