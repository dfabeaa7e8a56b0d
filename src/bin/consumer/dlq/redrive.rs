//! `consumer dlq redrive`.

use std::fmt::Write;

use consumer::{
    Broker, Storage,
    error::Chain,
    operate::{self, LetterFilter, Redriven},
};
use serde_json::{Value, json};

use super::{Places, filter};
use crate::{
    arguments::{Redrive, Rules},
    problem::Problem,
    report::Report,
    text,
};

pub async fn run<S: Storage, B: Broker>(places: &Places<S, B>, command: &Redrive) -> Result<Report, Problem> {
    let options = operate::Redrive {
        per_second: command.per_second(),
        discard_processed: command.discard_processed,
        ..options(&command.rules)
    };
    let filter = filter(&command.choice, &places.consumers);
    let (mut texts, mut json, mut complete, mut left) = (Vec::new(), Vec::new(), true, filter.limit);
    for (queue, letters) in &places.queues {
        let done = letters.redrive(&LetterFilter { limit: left, ..filter.clone() }, &options).await?;
        left = left.map(|left| left.saturating_sub(done.redriven));
        complete &= done.is_complete();
        texts.push(as_text(queue, &done, command));
        json.push(as_json(queue, &done));
        if done.stopped.is_some() {
            break;
        }
    }
    let json = json!({ "dry_run": command.rules.dry_run, "queues": json });
    Ok(Report { text: texts.join("\n"), json, complete })
}

/// As the arguments say.
pub fn options(rules: &Rules) -> operate::Redrive {
    operate::Redrive {
        retention: rules.retention,
        force: rules.force,
        dry_run: rules.dry_run,
        consumer: rules.whose.clone(),
        to: rules.to.clone(),
        ..operate::Redrive::default()
    }
}

/// Only what there is to say.
fn as_text(queue: &str, done: &Redriven, command: &Redrive) -> String {
    let would = if command.rules.dry_run { "would be " } else { "" };
    let mut text = format!(
        "{queue}: {} {would}redriven, of {} looked at.\n",
        text::letters(done.redriven),
        done.looked_at
    );
    let discarded = format!("{would}discarded: their events were processed meanwhile");
    let counts = [
        (done.discarded, discarded.as_str()),
        (done.processed, "left: their events were processed meanwhile, and they would pass for duplicates"),
        (
            done.too_old,
            "left: they are older than claims are kept, and may take effect again; --force redrives them",
        ),
        (done.skipped, "left: they died since this began, or another letter of their event was redriven"),
        (done.failed, "left:"),
        (
            done.although_old,
            "of them older than claims are kept: an event that was processed before takes effect again",
        ),
    ];
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        let _ = writeln!(text, "  {count} {what}");
    }
    for problem in &done.problems {
        let _ = writeln!(text, "    {}", text::line(problem, usize::MAX));
    }
    if let Some(error) = &done.stopped {
        let _ = writeln!(
            text,
            "  stopped: {}; what is left is in the queue as before",
            text::line(&Chain(error).to_string(), usize::MAX)
        );
    }
    text
}

fn as_json(queue: &str, done: &Redriven) -> Value {
    json!({
        "dead_letter_queue": queue,
        "depth": done.depth,
        "looked_at": done.looked_at,
        "redriven": done.redriven,
        "although_old": done.although_old,
        "discarded": done.discarded,
        "processed": done.processed,
        "too_old": done.too_old,
        "skipped": done.skipped,
        "failed": done.failed,
        "problems": done.problems,
        "stopped": done.stopped.as_ref().map(|error| Chain(error).to_string()),
    })
}
