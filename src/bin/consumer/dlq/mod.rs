//! The commands about dead letters.

mod discard;
mod edit;
mod json;
mod list;
mod places;
mod redrive;
mod show;

use consumer::{Broker, Storage, operate::LetterFilter};

use self::places::Places;
use crate::{
    arguments::{Choice, Dlq},
    problem::Problem,
    report::Report,
};

pub async fn run<S: Storage, B: Broker>(store: &S, broker: &B, command: &Dlq) -> Result<Report, Problem> {
    let place = match command {
        Dlq::List(list) => &list.place,
        Dlq::Redrive(redrive) => &redrive.place,
        Dlq::Show { place, .. } | Dlq::Edit { place, .. } | Dlq::Discard { place, .. } => place,
    };
    let places = Places::find(store, broker, place).await?;
    match command {
        Dlq::List(list) => list::run(&places, list).await,
        Dlq::Show { id, reveal, save, .. } => show::run(&places, id, *reveal, save.as_deref()).await,
        Dlq::Redrive(redrive) => redrive::run(&places, redrive).await,
        Dlq::Edit { id, body_file, rules, .. } => edit::run(&places, id, body_file, rules).await,
        Dlq::Discard { choice, yes, .. } => discard::run(&places, choice, *yes).await,
    }
}

/// The letters that are meant.
fn filter(choice: &Choice, consumers: &[String]) -> LetterFilter {
    LetterFilter {
        ids: choice.id.clone(),
        reasons: choice.reason.clone(),
        event_types: choice.event_type.clone(),
        classes: choice.class.clone(),
        consumers: consumers.to_vec(),
        older_than: choice.older_than,
        younger_than: choice.younger_than,
        limit: choice.limit,
    }
}
