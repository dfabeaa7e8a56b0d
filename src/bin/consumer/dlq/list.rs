//! `consumer dlq list`.

use std::{fmt::Write, time::Duration};

use consumer::{
    Broker, Storage,
    operate::{Group, LetterFilter, Listed, Listing},
};
use serde_json::{Value, json};

use super::{Places, filter, json};
use crate::{arguments::LetterList, problem::Problem, report::Report, table::Table, text};

/// As much of an error as a list shows.
const SHORT: usize = 80;
/// As many letters of each queue as a list shows.
const MOST: u64 = 100;

pub async fn run<S: Storage, B: Broker>(places: &Places<S, B>, list: &LetterList) -> Result<Report, Problem> {
    let filter = filter(&list.choice, &places.consumers);
    let filter = LetterFilter { limit: Some(filter.limit.unwrap_or(MOST)), ..filter };
    let (mut texts, mut json) = (Vec::new(), Vec::new());
    for (queue, letters) in &places.queues {
        let listing = letters.list(&filter).await?;
        texts.push(as_text(queue, &listing));
        json.push(as_json(queue, &listing));
    }
    Ok(Report::of(texts.join("\n"), json!({ "queues": json })))
}

fn as_text(queue: &str, listing: &Listing) -> String {
    let Listing { depth, looked_at, matching, letters, now, .. } = listing;
    let mut text = match matching == depth {
        true => format!("{queue}: {}.\n", text::letters(*depth)),
        false => format!("{queue}: {matching} such, of {}.\n", text::letters(*depth)),
    };
    if looked_at < depth {
        let _ = writeln!(text, "{} of them are in somebody else's hand by now.", depth - looked_at);
    }
    if letters.is_empty() {
        return text;
    }
    let mut groups = Table::new(["CLASS", "REASON", "LETTERS", "OLDEST", "NEWEST"]);
    listing.groups.iter().for_each(|group| groups.row(group_cells(group, *now)));
    let mut rows = Table::new(["ID", "AGE", "ATTEMPTS", "CONSUMER", "TYPE", "CLASS", "REASON", "ERROR"]);
    letters.iter().for_each(|listed| rows.row(cells(listed, *now)));
    let _ = write!(text, "\n{groups}\n{rows}");
    if (letters.len() as u64) < *matching {
        let _ = writeln!(text, "\nThe first {}; --limit shows more.", letters.len());
    }
    text
}

fn group_cells(group: &Group, now: Duration) -> [String; 5] {
    let age = |at: Option<Duration>| at.map_or_else(unknown, |at| text::age(now.saturating_sub(at)));
    [
        said(group.class.as_ref()),
        said(group.reason.as_ref()),
        group.count.to_string(),
        age(group.oldest),
        age(group.newest),
    ]
}

fn cells(listed: &Listed, now: Duration) -> [String; 8] {
    let letter = &listed.letter;
    [
        letter.id.as_ref().map_or_else(|| listed.key.to_string(), |id| text::line(id, SHORT)),
        letter.age(now).map_or_else(unknown, text::age),
        letter.attempts.map_or_else(unknown, |attempts| attempts.to_string()),
        said(letter.consumer.as_ref()),
        said(letter.event_type.as_ref()),
        said(letter.class.as_ref()),
        said(letter.reason.as_ref()),
        said(letter.error.as_ref()),
    ]
}

fn said(text: Option<&String>) -> String {
    text.map_or_else(unknown, |text| text::line(text, SHORT))
}

fn unknown() -> String {
    "-".to_owned()
}

fn as_json(queue: &str, listing: &Listing) -> Value {
    let now = listing.now;
    let age = |at: Option<Duration>| at.map(|at| now.saturating_sub(at).as_secs());
    let group = |group: &Group| {
        json!({
            "class": group.class,
            "reason": group.reason,
            "letters": group.count,
            "oldest_seconds": age(group.oldest),
            "newest_seconds": age(group.newest),
        })
    };
    json!({
        "dead_letter_queue": queue,
        "depth": listing.depth,
        "looked_at": listing.looked_at,
        "matching": listing.matching,
        "groups": listing.groups.iter().map(group).collect::<Vec<_>>(),
        "letters": listing.letters.iter().map(|listed| json::letter(listed, now)).collect::<Vec<_>>(),
    })
}
