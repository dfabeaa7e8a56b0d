//! The commands about effects.

use std::{collections::BTreeMap, fmt::Write, io::Read};

use consumer::{
    effect::{ByHand, EffectFilter, EffectId, EffectRecord, EffectState, Moment},
    operate::EffectLedger,
    storage::EffectStorage,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    arguments::{EffectList, Effects},
    problem::Problem,
    report::Report,
    table::Table,
    text,
};

/// As much of an error as a list shows.
const SHORT: usize = 80;

pub async fn run<S: EffectStorage>(ledger: &EffectLedger<S>, command: &Effects) -> Result<Report, Problem> {
    match command {
        Effects::List(list) => self::list(ledger, list).await,
        Effects::Show { id, reveal } => {
            let record = find(ledger, *id).await?;
            Ok(Report::of(show(&record, *reveal), as_json(&record, *reveal)))
        }
        Effects::Resolve { id, done, not_done } => {
            let found = found(done.as_deref(), not_done.as_deref())?;
            resolve(ledger, *id, &found).await
        }
        Effects::Release { ids, even_if_done } => release(ledger, ids, *even_if_done).await,
    }
}

async fn list<S: EffectStorage>(ledger: &EffectLedger<S>, list: &EffectList) -> Result<Report, Problem> {
    let states = match (list.all, list.state.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => EffectFilter::default().states,
        (false, false) => list.state.clone(),
    };
    let filter = EffectFilter { states, effect: list.effect.clone(), limit: list.limit };
    let records = ledger.list(&filter).await?;
    let json = records.iter().map(|record| as_json(record, list.reveal)).collect();
    let mut text = grouped(&records, list.reveal);
    if records.len() == list.limit as usize {
        let _ = writeln!(text, "\nThe first {}; --limit shows more.", list.limit);
    }
    Ok(Report::of(text, json))
}

/// A table for each state of each effect.
fn grouped(records: &[EffectRecord], reveal: bool) -> String {
    if records.is_empty() {
        return "No such effects.".to_owned();
    }
    let mut groups: BTreeMap<_, Vec<&EffectRecord>> = BTreeMap::new();
    for record in records {
        groups.entry((record.state.as_str(), record.intent.effect.as_str())).or_default().push(record);
    }
    let group = |((state, effect), records): ((&str, &str), Vec<&EffectRecord>)| {
        let mut table = Table::new(["ID", "AGE", "ATTEMPTS", "CONSUMER", "EVENT", "ERROR"]);
        records.iter().for_each(|record| table.row(cells(record)));
        let mut text = format!("{effect}: {} {state}\n{table}", records.len());
        for record in records.iter().filter(|_| reveal) {
            let _ = writeln!(text, "{}  {}", record.intent.id, text::bytes(&record.intent.request, true));
        }
        text
    };
    groups.into_iter().map(group).collect::<Vec<_>>().join("\n")
}

fn cells(record: &EffectRecord) -> [String; 6] {
    let origin = &record.intent.origin;
    [
        record.intent.id.to_string(),
        text::age(record.age),
        record.attempts.to_string(),
        text::line(&origin.consumer, SHORT),
        text::line(&origin.id, SHORT),
        text::line(record.error.as_deref().unwrap_or_default(), SHORT),
    ]
}

fn show(record: &EffectRecord, reveal: bool) -> String {
    let intent = &record.intent;
    let origin = &intent.origin;
    let line = |text: &str| text::line(text, usize::MAX);
    let doubt = if record.uncertain { ", one of which may have worked" } else { "" };
    let mut lines = vec![
        ("effect", line(&intent.effect)),
        ("id", intent.id.to_string()),
        ("state", format!("{}, {} calls{doubt}", record.state, record.attempts)),
        ("key", intent.key.to_string()),
        ("event", line(&format!("{} ({} v{})", origin.id, origin.event_type, origin.version))),
        ("consumer", line(&origin.consumer)),
        ("runs", moment(intent.moment).to_owned()),
        ("age", text::age(record.age)),
        ("request", text::bytes(&intent.request, reveal)),
    ];
    let optional = [
        ("label", Some(&intent.label).filter(|label| !label.is_empty()).map(|label| line(label))),
        ("source", Some(&origin.source).filter(|source| !source.is_empty()).map(|source| line(source))),
        ("due in", record.due_in.map(text::age)),
        ("compensated", record.compensated.then(|| "yes, another effect has undone it".to_owned())),
        ("result", record.result.as_ref().map(|result| text::bytes(result, reveal))),
        ("error", record.error.as_deref().map(line)),
        ("evidence", record.evidence.as_deref().map(line)),
        ("what now", what_now(record)),
    ];
    lines.extend(optional.into_iter().filter_map(|(name, text)| Some((name, text?))));
    lines.iter().map(|(name, text)| format!("{name:<12} {text}\n")).collect()
}

fn moment(moment: Moment) -> &'static str {
    match moment {
        Moment::Before => "before the transaction of its event",
        Moment::After => "after the commit of its event",
    }
}

/// What a person can do about it.
fn what_now(record: &EffectRecord) -> Option<String> {
    let id = record.intent.id;
    let ask = format!("ask the provider what became of key {}", record.intent.key);
    let resolve = format!(
        "`consumer effects resolve {id} --done '<result as JSON>'` or `… resolve {id} --not-done '<why>'`"
    );
    match record.state {
        EffectState::Unknown => Some(format!("{ask}, then {resolve}")),
        EffectState::Failed => Some(format!(
            "repair the cause, then `consumer effects release {id}`; or, if it was settled by other means, {resolve}"
        )),
        _ => None,
    }
}

fn as_json(record: &EffectRecord, reveal: bool) -> Value {
    let intent = &record.intent;
    let mut json = json!({
        "id": intent.id.to_string(),
        "effect": intent.effect,
        "label": intent.label,
        "state": record.state.as_str(),
        "moment": match intent.moment { Moment::Before => "before", Moment::After => "after" },
        "idempotency_key": intent.key.as_str(),
        "origin": intent.origin,
        "attempts": record.attempts,
        "uncertain": record.uncertain,
        "compensated": record.compensated,
        "age_seconds": record.age.as_secs(),
        "due_in_seconds": record.due_in.map(|due| due.as_secs()),
        "error": record.error,
        "evidence": record.evidence,
        "request_bytes": intent.request.len(),
        "result_bytes": record.result.as_ref().map(|result| result.len()),
    });
    if reveal {
        json["request"] = text::value(&intent.request);
        json["result"] = record.result.as_ref().map_or(Value::Null, |result| text::value(result));
    }
    json
}

async fn find<S: EffectStorage>(ledger: &EffectLedger<S>, id: Uuid) -> Result<EffectRecord, Problem> {
    ledger.show(EffectId::from_uuid(id)).await?.ok_or_else(|| {
        Problem::not_possible(format!(
            "there is no effect {id}: `consumer effects list --all` shows which there are"
        ))
    })
}

fn found(done: Option<&str>, not_done: Option<&str>) -> Result<ByHand, Problem> {
    let Some(done) = done else {
        return Ok(ByHand::NotDone(not_done.unwrap_or_default().to_owned()));
    };
    let mut json = done.to_owned();
    if done == "-" {
        json.clear();
        let read = std::io::stdin().read_to_string(&mut json);
        read.map_err(|error| Problem::usage(format!("the standard input cannot be read: {error}")))?;
    }
    let valid = serde_json::from_str::<serde::de::IgnoredAny>(&json);
    valid.map_err(|error| {
        Problem::usage(format!(
            "--done takes the result as JSON, as the effect would have returned it (`null` for none): {error}"
        ))
    })?;
    Ok(ByHand::Done(json.into()))
}

async fn resolve<S: EffectStorage>(
    ledger: &EffectLedger<S>,
    id: Uuid,
    found: &ByHand,
) -> Result<Report, Problem> {
    let before = find(ledger, id).await?;
    let resolved = ledger.resolve(EffectId::from_uuid(id), found).await?;
    let after = find(ledger, id).await?;
    if !resolved {
        return Err(Problem::not_possible(format!(
            "effect {id} was not changed, it is {}: only one that failed, is unknown or waits for its next call can be \
             resolved",
            after.state
        )));
    }
    let changed = Changed { id, effect: before.intent.effect, was: before.state, is: after.state };
    Ok(Report::of(changed.text(), changed.json()))
}

async fn release<S: EffectStorage>(
    ledger: &EffectLedger<S>,
    ids: &[Uuid],
    even_if_done: bool,
) -> Result<Report, Problem> {
    let (mut texts, mut json, mut complete) = (Vec::new(), Vec::new(), true);
    for &id in ids {
        match release_one(ledger, id, even_if_done).await {
            Ok(changed) => {
                texts.push(changed.text());
                json.push(changed.json());
            }
            Err(problem) if problem.is_of_one_row() => {
                complete = false;
                json.push(json!({ "id": id, "error": problem.to_string() }));
                texts.push(problem.to_string());
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(Report { text: texts.join("\n"), json: json.into(), complete })
}

async fn release_one<S: EffectStorage>(
    ledger: &EffectLedger<S>,
    id: Uuid,
    even_if_done: bool,
) -> Result<Changed, Problem> {
    let before = find(ledger, id).await?;
    if !even_if_done && (before.uncertain || before.state == EffectState::Unknown) {
        return Err(Problem::not_possible(format!(
            "effect {id} was not released, an earlier call may have worked: ask the provider what became of key {}, then \
             resolve it; or release it with --even-if-done if the provider still knows the key",
            before.intent.key
        )));
    }
    let released = ledger.release(EffectId::from_uuid(id)).await?;
    let after = find(ledger, id).await?;
    match released {
        true => Ok(Changed { id, effect: before.intent.effect, was: before.state, is: after.state }),
        false => Err(Problem::not_possible(format!(
            "effect {id} was not released, it is {}: only one that failed, is unknown or waits for its next call can be",
            after.state
        ))),
    }
}

/// What became of an effect by our hand.
struct Changed {
    id: Uuid,
    effect: String,
    was: EffectState,
    is: EffectState,
}

impl Changed {
    fn text(&self) -> String {
        format!("effect {} ({}) was {}, is {}", self.id, text::line(&self.effect, SHORT), self.was, self.is)
    }

    fn json(&self) -> Value {
        json!({ "id": self.id, "effect": self.effect, "was": self.was.as_str(), "is": self.is.as_str() })
    }
}
