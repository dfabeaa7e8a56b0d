//! `consumer dlq show`.

use std::{fs, path::Path, time::Duration};

use consumer::{Broker, Storage, operate::Shown};

use super::{Places, json};
use crate::{problem::Problem, report::Report, text};

pub async fn run<S: Storage, B: Broker>(
    places: &Places<S, B>,
    id: &str,
    reveal: bool,
    save: Option<&Path>,
) -> Result<Report, Problem> {
    for (queue, letters) in &places.queues {
        if let Some(shown) = letters.show(id).await? {
            if let Some(path) = save {
                fs::write(path, &shown.message.body).map_err(|error| {
                    Problem::usage(format!(
                        "--save names {}, which cannot be written: {error}",
                        path.display()
                    ))
                })?;
            }
            return Ok(report(queue, &shown, reveal));
        }
    }
    Err(missing(id))
}

pub fn missing(id: &str) -> Problem {
    let shown = text::line(id, 80);
    Problem::not_possible(format!(
        "there is no letter {shown:?}, or somebody else has it in hand: `consumer dlq list` shows which there are"
    ))
}

fn report(queue: &str, shown: &Shown, reveal: bool) -> Report {
    // The age was taken when the letter was.
    let now = shown.listed.letter.dead_at.zip(shown.age).map_or(Duration::ZERO, |(at, age)| at + age);
    let mut json = json::letter(&shown.listed, now);
    json["dead_letter_queue"] = queue.into();
    if reveal {
        json["headers"] = json::headers(&shown.message);
        json["body"] = text::value(&shown.message.body);
    }
    Report::of(as_text(queue, shown, reveal), json)
}

fn as_text(queue: &str, shown: &Shown, reveal: bool) -> String {
    let line = |text: &String| text::line(text, usize::MAX);
    let (letter, key) = (&shown.listed.letter, shown.listed.key.to_string());
    let effects = |names: &[String]| (!names.is_empty()).then(|| line(&names.join(", ")));
    let origin =
        |(exchange, routing_key): &(String, String)| line(&format!("`{exchange}` with `{routing_key}`"));
    let lines = [
        ("id", letter.id.as_ref().map(line)),
        ("key", Some(key.clone())),
        ("type", letter.event_type.as_ref().map(line)),
        ("reason", letter.reason.as_ref().map(line)),
        ("class", letter.class.as_ref().map(line)),
        ("error", letter.error.as_ref().map(line)),
        ("attempts", letter.attempts.map(|attempts| attempts.to_string())),
        ("age", shown.age.map(text::age)),
        ("consumer", letter.consumer.as_ref().map(line)),
        ("queue", letter.queue.as_ref().map(line)),
        ("published to", letter.origin.as_ref().map(origin)),
        ("edited from", letter.edited_from.as_ref().map(line)),
        ("done", effects(&letter.effects.done)),
        ("unknown", effects(&letter.effects.unknown)),
        ("compensated", effects(&letter.effects.compensated)),
        ("lies in", Some(text::line(queue, usize::MAX))),
        ("body", Some(text::bytes(&shown.message.body, reveal))),
    ];
    let lines = lines.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?)));
    let headers = shown.message.headers.iter().filter(|_| reveal);
    let headers = headers.map(|(name, value)| (line(&name.to_owned()), line(&format!("{value:?}"))));
    let what_now = ("what now".to_owned(), what_now(letter.reason.as_deref(), &key));
    lines.chain(headers).chain([what_now]).map(|(name, text)| format!("{name:<12} {text}\n")).collect()
}

/// What a person can do about it.
fn what_now(reason: Option<&str>, key: &str) -> String {
    let redrive = format!("`consumer dlq redrive --id {key}`");
    let edit = format!(
        "`consumer dlq show {key} --save <file>`, change it, then `consumer dlq edit {key} --body-file <file>`"
    );
    let discard = format!("`consumer dlq discard --id {key} --yes`");
    match reason {
        Some("transaction-ended") => {
            format!("part of its work is committed: complete it by hand, then {discard}")
        }
        Some("id-reused") => {
            format!(
                "another body was processed under its id: give it an id of its own with {edit}; or {discard}"
            )
        }
        Some("missing-id" | "bad-id" | "undecodable") => format!("repair it: {edit}"),
        Some("effect-failed" | "effect-unknown") => {
            format!("settle its effects with `consumer effects list`, then {redrive}")
        }
        Some("effect-compensated") => format!("its effect was undone: publish a new event, then {discard}"),
        _ => format!("repair the cause, then {redrive}; or the message: {edit}; or {discard}"),
    }
}
