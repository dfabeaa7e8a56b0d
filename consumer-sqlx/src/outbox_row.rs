//! A row of the outbox as its columns hold it.

use std::{collections::BTreeMap, time::Duration};

use consumer_core::outbox::{Filter, Lane, Listed, OutboxEvent, OutboxRow, Position, Standing};
use uuid::Uuid;

/// The longest time that is written into a row.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A span as parameters carry it: whole microseconds.
pub(crate) fn micros(span: Duration) -> i64 {
    i64::try_from(span.min(LONGEST).as_micros()).unwrap_or(i64::MAX)
}

/// The same in whole milliseconds, at least one unless it is none at all.
#[cfg(feature = "sqlite")]
pub(crate) fn millis(span: Duration) -> i64 {
    micros(span).saturating_add(999) / 1000
}

/// Whole numbers as a JSON array.
#[cfg(feature = "sqlite")]
pub(crate) fn json(numbers: impl Iterator<Item = i64>) -> String {
    format!("[{}]", list(numbers))
}

/// Whole numbers with commas between them.
#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub(crate) fn list(numbers: impl Iterator<Item = i64>) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}

/// Whether a filter asks for nothing that was sent or given up, which may be most of the table.
pub(crate) fn is_about_unsent(filter: &Filter) -> bool {
    let is_unsent = |standing: &Standing| !matches!(standing, Standing::Sent | Standing::Discarded);
    !filter.standings.is_empty() && filter.standings.iter().all(is_unsent)
}

/// The lanes of events, each once and in their order, with how many events each has.
#[cfg_attr(not(any(feature = "mysql", feature = "postgres")), allow(dead_code))]
pub(crate) fn lanes(events: &[OutboxEvent]) -> BTreeMap<Lane, i64> {
    let mut lanes = BTreeMap::new();
    for lane in events.iter().filter_map(OutboxEvent::lane) {
        *lanes.entry(lane).or_default() += 1;
    }
    lanes
}

/// For each event, how many of its lane follow it: its number is that much below the last one of its lane.
#[cfg_attr(not(any(feature = "mysql", feature = "postgres")), allow(dead_code))]
pub(crate) fn later(events: &[OutboxEvent]) -> Vec<i64> {
    let mut left = lanes(events);
    let mut take = |lane| {
        let left = left.entry(lane).or_default();
        *left -= 1;
        *left
    };
    events.iter().map(|event| event.lane().map_or(0, &mut take)).collect()
}

/// What every statement that reads rows selects, under these names.
pub(crate) struct Columns {
    pub(crate) position: i64,
    pub(crate) id: String,
    pub(crate) number: Option<i64>,
    pub(crate) created_at: i64,
    pub(crate) refusals: i64,
    pub(crate) event_version: i64,
    pub(crate) event_type: String,
    pub(crate) event_key: Option<String>,
    pub(crate) exchange: Option<String>,
    pub(crate) routing_key: String,
    pub(crate) headers: String,
    pub(crate) correlation_id: Option<String>,
    pub(crate) causation_id: Option<String>,
    pub(crate) traceparent: Option<String>,
    pub(crate) content_type: String,
    pub(crate) payload: Vec<u8>,
}

/// Reads a [`Columns`] or a [`Looks`] from a row of any driver.
macro_rules! read {
    ($kind:ident, $row:expr, $($column:ident)*) => {
        $crate::outbox_row::$kind { $($column: sqlx::Row::try_get($row, stringify!($column))?),* }
    };
    (Columns, $row:expr) => {
        $crate::outbox_row::read!(Columns, $row,
            position id number created_at refusals event_version event_type event_key exchange routing_key headers
            correlation_id causation_id traceparent content_type payload)
    };
    (Looks, $row:expr) => {
        $crate::outbox_row::read!(Looks, $row, standing error age_us behind)
    };
}
pub(crate) use read;

impl Columns {
    /// The row.
    ///
    /// # Errors
    /// [`sqlx::Error::Decode`] where other hands wrote a value that ours never write.
    pub(crate) fn row(self) -> Result<OutboxRow, sqlx::Error> {
        let event = OutboxEvent {
            id: Uuid::try_parse(&self.id).map_err(|error| sqlx::Error::Decode(error.into()))?,
            event_type: self.event_type,
            version: u32::try_from(self.event_version).map_err(|error| sqlx::Error::Decode(error.into()))?,
            key: self.event_key,
            exchange: self.exchange,
            routing_key: self.routing_key,
            headers: self.headers,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            traceparent: self.traceparent,
            content_type: self.content_type,
            data: self.payload.into(),
        };
        Ok(OutboxRow {
            position: Position(self.position),
            event,
            number: self.number,
            created_at: u64::try_from(self.created_at).unwrap_or(0),
            refusals: u32::try_from(self.refusals).unwrap_or(u32::MAX),
        })
    }
}

/// What a listing selects beside [`Columns`].
pub(crate) struct Looks {
    pub(crate) standing: i64,
    pub(crate) error: Option<String>,
    pub(crate) age_us: i64,
    pub(crate) behind: i64,
}

impl Looks {
    /// A row with its looks.
    pub(crate) fn of(self, row: OutboxRow) -> Listed {
        let count = |number| u64::try_from(number).unwrap_or(0);
        let age = Duration::from_micros(count(self.age_us));
        Listed::new(row, standing(self.standing), self.error, age, count(self.behind))
    }
}

/// A state as the listings of all databases number it.
pub(crate) fn number(standing: Standing) -> i64 {
    match standing {
        Standing::Waiting => 0,
        Standing::Refused => 1,
        Standing::Parked => 2,
        Standing::Sent => 3,
        Standing::Discarded => 4,
    }
}

fn standing(number: i64) -> Standing {
    match number {
        1 => Standing::Refused,
        2 => Standing::Parked,
        3 => Standing::Sent,
        4 => Standing::Discarded,
        _ => Standing::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(key: Option<&str>) -> OutboxEvent {
        OutboxEvent {
            id: Uuid::nil(),
            event_type: String::new(),
            version: 1,
            key: key.map(str::to_owned),
            exchange: None,
            routing_key: String::new(),
            headers: String::new(),
            correlation_id: None,
            causation_id: None,
            traceparent: None,
            content_type: String::new(),
            data: Vec::new().into(),
        }
    }

    #[test]
    fn numbers_rise_in_the_order_of_publication() {
        let events = [Some("a"), None, Some("b"), Some("a"), Some("a")].map(event);
        assert_eq!(later(&events), [2, 0, 0, 1, 0]);
        assert_eq!(lanes(&events).into_values().sum::<i64>(), 4);
    }

    #[test]
    fn a_state_is_read_as_it_is_numbered() {
        use Standing::{Discarded, Parked, Refused, Sent, Waiting};
        for state in [Waiting, Refused, Parked, Sent, Discarded] {
            assert_eq!(standing(number(state)), state);
        }
    }
}
