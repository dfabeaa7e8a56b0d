//! The differences between a queue and what was declared.

use consumer_core::Result;
use lapin::{options::QueueDeclareOptions, types::AMQPValue};

use super::{
    argument::{Argument, table},
    channel,
    mismatch::Mismatch,
    refused, short,
    wanted::Wanted,
};
use crate::rabbitmq::{
    failure::{self, PRECONDITION_FAILED},
    session::Session,
};

/// Arguments that can differ, one after the other; RabbitMQ has fewer than this.
const MOST_ARGUMENTS: usize = 32;

/// What of a queue that exists is not as declared; declares it if it does not exist.
///
/// The broker names only the first difference, and what the queue has there. With that taken over, the next attempt
/// names the next one.
pub(super) async fn differences(session: &Session, wanted: &Wanted) -> Result<Vec<Mismatch>> {
    let name = &wanted.name;
    let mut arguments = wanted.arguments.clone();
    let (mut found, mut omitted) = (Vec::new(), None);
    let mut options = QueueDeclareOptions::durable();
    for _ in 0..MOST_ARGUMENTS {
        let declared = channel(session).await?.queue_declare(short(name)?, options, table(&arguments)).await;
        let Err(error) = declared else { return Ok(found) };
        match mismatch(&error) {
            // What is not said of ours leaves room for what the queue has.
            Some(cut) if cut.is_cut() && omit(&cut, &mut arguments) => omitted = cut.expected,
            Some(mismatch) => {
                let known = adopt(&mismatch, &mut options, &mut arguments);
                let expected = mismatch.expected.or_else(|| omitted.take());
                found.push(Mismatch { expected, ..mismatch });
                if !known {
                    return Ok(found);
                }
            }
            None => return Err(refused(&format!("declare queue '{name}'"), &error)),
        }
    }
    Ok(found)
}

/// What is the matter with a queue that has these.
pub(super) fn found(differences: &[Mismatch]) -> String {
    let list = differences.iter().map(Mismatch::to_string).collect::<Vec<_>>().join("; ");
    format!("exists with other arguments: {list}")
}

/// What to do about them.
pub(super) fn remedy(queue: &str) -> String {
    format!(
        "A queue's arguments cannot be changed: either consume it as it is, with topology `check` or `leave`, or declare \
         what it has, or drain, delete and declare it again (`rabbitmqctl delete_queue {queue}`), or set what differs by \
         a policy"
    )
}

fn mismatch(error: &lapin::Error) -> Option<Mismatch> {
    (failure::reply_code(error) == Some(PRECONDITION_FAILED))
        .then(|| Mismatch::parse(&failure::text(error)))?
}

/// Leaves out an argument; `false` if it is not there.
fn omit(mismatch: &Mismatch, arguments: &mut Vec<Argument>) -> bool {
    let before = arguments.len();
    arguments.retain(|argument| argument.name != mismatch.argument);
    arguments.len() < before
}

/// Takes over what the queue has; `false` if that is not possible.
fn adopt(mismatch: &Mismatch, options: &mut QueueDeclareOptions, arguments: &mut Vec<Argument>) -> bool {
    if mismatch.is_cut() {
        return false;
    }
    let is_true = mismatch.found.as_deref() == Some("true");
    match mismatch.argument.as_str() {
        "durable" => options.durable = is_true,
        "auto_delete" => options.auto_delete = is_true,
        name => {
            let omitted = omit(mismatch, arguments);
            match &mismatch.found {
                Some(found) => arguments.push(Argument::new(name, guess(found))),
                // Neither side has it: to go on would ask the same question again.
                None if !omitted => return false,
                None => {}
            }
        }
    }
    true
}

/// A value of which only the text is known.
fn guess(text: &str) -> AMQPValue {
    match (text, text.parse()) {
        ("true" | "false", _) => AMQPValue::Boolean(text == "true"),
        (_, Ok(number)) => AMQPValue::LongLongInt(number),
        _ => AMQPValue::LongString(text.into()),
    }
}
