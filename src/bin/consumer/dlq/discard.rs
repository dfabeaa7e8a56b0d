//! `consumer dlq discard`.

use consumer::{Broker, Storage, error::Chain, operate::LetterFilter};
use serde_json::json;

use super::{Places, filter};
use crate::{arguments::Choice, problem::Problem, report::Report, text};

pub async fn run<S: Storage, B: Broker>(
    places: &Places<S, B>,
    choice: &Choice,
    yes: bool,
) -> Result<Report, Problem> {
    let filter = filter(choice, &places.consumers);
    match yes {
        true => discard(places, filter).await,
        false => count(places, filter).await,
    }
}

async fn discard<S: Storage, B: Broker>(
    places: &Places<S, B>,
    filter: LetterFilter,
) -> Result<Report, Problem> {
    let (mut texts, mut json, mut complete, mut left) = (Vec::new(), Vec::new(), true, filter.limit);
    for (queue, letters) in &places.queues {
        let done = letters.discard(&LetterFilter { limit: left, ..filter.clone() }).await?;
        left = left.map(|left| left.saturating_sub(done.discarded));
        let stopped = done.stopped.as_ref().map(|error| Chain(error).to_string());
        complete &= done.skipped == 0 && stopped.is_none();
        texts.push(format!(
            "{queue}: {} discarded, of {} looked at",
            text::letters(done.discarded),
            done.looked_at
        ));
        texts.extend(stopped.as_ref().map(|why| format!("  stopped: {}", text::line(why, usize::MAX))));
        json.push(json!({
            "dead_letter_queue": queue,
            "depth": done.depth,
            "looked_at": done.looked_at,
            "discarded": done.discarded,
            "skipped": done.skipped,
            "stopped": stopped,
        }));
    }
    Ok(Report { text: texts.join("\n"), json: json!({ "queues": json }), complete })
}

async fn count<S: Storage, B: Broker>(
    places: &Places<S, B>,
    filter: LetterFilter,
) -> Result<Report, Problem> {
    let (mut texts, mut json) = (Vec::new(), Vec::new());
    let most = filter.limit.unwrap_or(u64::MAX);
    let filter = LetterFilter { limit: Some(0), ..filter };
    for (queue, letters) in &places.queues {
        let listing = letters.list(&filter).await?;
        let count = listing.matching.min(most);
        texts.push(format!(
            "{queue}: {} would be discarded, of {} looked at",
            text::letters(count),
            listing.looked_at
        ));
        json.push(json!({ "dead_letter_queue": queue, "looked_at": listing.looked_at, "would_be_discarded": count }));
    }
    texts.push("Nothing was done; --yes does it.".to_owned());
    Ok(Report { text: texts.join("\n"), json: json!({ "queues": json }), complete: false })
}
