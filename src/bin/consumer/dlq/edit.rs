//! `consumer dlq edit`.

use std::{fs, io::Read, path::Path};

use consumer::{
    Broker, Storage,
    operate::{Edited, Refusal},
};
use serde_json::json;

use super::{Places, redrive::options, show::missing};
use crate::{arguments::Rules, problem::Problem, report::Report, text};

pub async fn run<S: Storage, B: Broker>(
    places: &Places<S, B>,
    id: &str,
    body_file: &Path,
    rules: &Rules,
) -> Result<Report, Problem> {
    let body = body(body_file)?;
    let options = options(rules);
    for (_, letters) in &places.queues {
        match letters.edit(id, body.clone().into(), &options).await? {
            Edited::NotFound => {}
            Edited::Refused(refusal) => return Err(Problem::not_possible(refused(refusal))),
            Edited::Redriven { id: new, queue, warnings } => {
                return Ok(report(id, &new, &queue, &warnings, rules));
            }
        }
    }
    Err(missing(id))
}

fn body(path: &Path) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().read_to_end(&mut body).map(|_| body),
        false => fs::read(path),
    };
    read.map_err(|error| {
        Problem::usage(format!("--body-file names {}, which cannot be read: {error}", path.display()))
    })
}

fn refused(refusal: Refusal) -> String {
    match refusal {
        Refusal::Processed => {
            "the letter stays where it is: its event was processed meanwhile, and another event would do its work again; \
             publish what is missing, or discard it"
        }
        Refusal::EffectsDone => {
            "the letter stays where it is: effects of its event are done, or may be, and another event would have them called \
             again; redrive it as it is, or use --force"
        }
        _ => {
            "the letter stays where it is: it is older than claims are kept, so that nobody knows whether its event was \
             processed; --force redrives it all the same"
        }
    }
    .to_owned()
}

fn report(old: &str, new: &str, queue: &str, warnings: &[String], rules: &Rules) -> Report {
    let done = if rules.dry_run { "would be published" } else { "was published" };
    let mut lines =
        vec![format!("letter {} {done} to {} as event {new}", text::line(old, 80), text::line(queue, 80))];
    lines.extend(warnings.iter().map(|warning| format!("warning: {}", text::line(warning, usize::MAX))));
    let json =
        json!({ "dry_run": rules.dry_run, "edited": old, "id": new, "queue": queue, "warnings": warnings });
    Report::of(lines.join("\n"), json)
}
