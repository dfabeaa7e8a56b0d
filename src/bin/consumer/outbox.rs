//! The commands about the outbox.

use std::fmt::Write;

use consumer::{
    operate::OutboxTable,
    outbox::{Filter, Listed, Standing, Survey},
    storage::OutboxStorage,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    arguments::{Outbox, OutboxList},
    problem::Problem,
    report::Report,
    table::Table,
    text,
};

/// As much of an error as a list shows.
const SHORT: usize = 80;
const ALL: [Standing; 5] =
    [Standing::Waiting, Standing::Refused, Standing::Parked, Standing::Sent, Standing::Discarded];

pub async fn run<S: OutboxStorage>(table: &OutboxTable<S>, command: &Outbox) -> Result<Report, Problem> {
    match command {
        Outbox::List(list) => self::list(table, list).await,
        Outbox::Release { ids } => act(table, ids, Act::Release).await,
        Outbox::Discard { ids } => act(table, ids, Act::Discard).await,
    }
}

async fn list<S: OutboxStorage>(table: &OutboxTable<S>, list: &OutboxList) -> Result<Report, Problem> {
    let standings = match (list.all, list.state.is_empty()) {
        (true, _) => ALL.to_vec(),
        (false, true) => Filter::default().standings,
        (false, false) => list.state.iter().copied().map(Standing::from).collect(),
    };
    let filter = Filter { standings, id: None, limit: list.limit };
    let (rows, survey) = (table.list(&filter).await?, table.survey().await?);
    let json = json!({
        "unsent": survey.unsent,
        "parked": survey.parked,
        "oldest_seconds": survey.oldest.as_secs(),
        "rows": rows.iter().map(|row| as_json(row, list.reveal)).collect::<Vec<_>>(),
    });
    Ok(Report::of(as_text(&rows, &survey, list), json))
}

fn as_text(rows: &[Listed], survey: &Survey, list: &OutboxList) -> String {
    let mut text = format!("{} events to be sent, {} of them parked", survey.unsent, survey.parked);
    let _ = match survey.unsent {
        0 => writeln!(text, "."),
        _ => writeln!(text, "; the oldest has waited for {}.", text::age(survey.oldest)),
    };
    if rows.is_empty() {
        return text + "No such rows.";
    }
    let mut table = Table::new(["ID", "STATE", "AGE", "REFUSALS", "BEHIND", "TYPE", "KEY", "ERROR"]);
    rows.iter().for_each(|row| table.row(cells(row)));
    let _ = write!(text, "\n{table}");
    for row in rows.iter().filter(|_| list.reveal) {
        let _ = writeln!(text, "{}  {}", row.row.event.id, text::bytes(&row.row.event.data, true));
    }
    if rows.len() == list.limit as usize {
        let _ = writeln!(text, "\nThe first {}; --limit shows more.", list.limit);
    }
    text
}

fn cells(row: &Listed) -> [String; 8] {
    let event = &row.row.event;
    [
        event.id.to_string(),
        row.standing.as_str().to_owned(),
        text::age(row.age),
        row.row.refusals.to_string(),
        row.behind.to_string(),
        text::line(&event.event_type, SHORT),
        text::line(event.key.as_deref().unwrap_or("-"), SHORT),
        text::line(row.error.as_deref().unwrap_or_default(), SHORT),
    ]
}

fn as_json(row: &Listed, reveal: bool) -> Value {
    let event = &row.row.event;
    let mut json = json!({
        "id": event.id,
        "state": row.standing.as_str(),
        "position": row.row.position.0,
        "number": row.row.number,
        "type": event.event_type,
        "version": event.version,
        "key": event.key,
        "exchange": event.exchange,
        "routing_key": event.routing_key,
        "correlation_id": event.correlation_id,
        "causation_id": event.causation_id,
        "refusals": row.row.refusals,
        "behind": row.behind,
        "age_seconds": row.age.as_secs(),
        "error": row.error,
        "data_bytes": event.data.len(),
    });
    if reveal {
        json["data"] = text::value(&event.data);
    }
    json
}

/// What a person does to a row.
#[derive(Clone, Copy)]
enum Act {
    Release,
    Discard,
}

impl Act {
    fn done(self) -> &'static str {
        match self {
            Self::Release => "released",
            Self::Discard => "discarded",
        }
    }
}

async fn act<S: OutboxStorage>(table: &OutboxTable<S>, ids: &[Uuid], act: Act) -> Result<Report, Problem> {
    let (mut texts, mut json, mut complete) = (Vec::new(), Vec::new(), true);
    for &id in ids {
        let acted = match act {
            Act::Release => table.release(id).await?,
            Act::Discard => table.discard(id).await?,
        };
        let state = standing(table, id).await?;
        texts.push(said(id, act, acted, state));
        json.push(json!({ "id": id, act.done(): acted, "state": state.map(Standing::as_str) }));
        complete &= acted;
    }
    Ok(Report { text: texts.join("\n"), json: json.into(), complete })
}

async fn standing<S: OutboxStorage>(table: &OutboxTable<S>, id: Uuid) -> Result<Option<Standing>, Problem> {
    let filter = Filter { standings: ALL.to_vec(), id: Some(id), limit: 1 };
    Ok(table.list(&filter).await?.first().map(|row| row.standing))
}

fn said(id: Uuid, act: Act, acted: bool, state: Option<Standing>) -> String {
    let done = act.done();
    match (acted, state) {
        (true, Some(state)) => format!("event {id} was {done}, is {}", state.as_str()),
        (true, None) => format!("event {id} was {done}"),
        (false, Some(state)) => format!(
            "event {id} was not {done}, it is {}: only a refused or parked one can be",
            state.as_str()
        ),
        (false, None) => {
            format!("there is no event {id}: `consumer outbox list --all` shows which there are")
        }
    }
}
