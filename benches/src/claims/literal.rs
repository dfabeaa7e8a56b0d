//! Rows as text of a statement, for databases that take them fastest so.

use std::fmt::Write;

use super::database::{Row, TABLE};

/// An INSERT of rows; `time` is the column of the time and how it is written from microseconds since 1970.
pub(super) fn insert(rows: &[Row], (column, time): (&str, fn(i64) -> String)) -> String {
    let mut text =
        format!("INSERT INTO {TABLE} (consumer_id, event_key, stamp, readable_id, {column}) VALUES ");
    text.reserve(rows.len() * 160);
    for (at, Row { claim, at_us }) in rows.iter().enumerate() {
        text.push_str(if at == 0 { "(" } else { ", (" });
        let _ = write!(text, "{}", claim.consumer.0);
        for bytes in [claim.key.as_bytes(), &claim.stamp()] {
            let _ = write!(text, ", x'{:032x}'", u128::from_be_bytes(*bytes));
        }
        match &claim.readable_id {
            // Ours hold nothing that a text would have to escape.
            Some(id) => text.extend([", '", id, "', "]),
            None => text.push_str(", NULL, "),
        }
        text.extend([&time(*at_us), ")"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use consumer_core::inbox::ConsumerId;

    use super::{
        super::ids::{Ids, Source},
        *,
    };

    #[test]
    fn a_row_is_what_the_library_would_write() {
        let row = |ids| Row { claim: Source::new(ids, ConsumerId(3)).claim(7), at_us: 1_500 };
        let rows = [row(Ids::Text), row(Ids::Uuid4)];
        let text = insert(&rows, ("at_ms", |us| (us / 1_000).to_string()));
        let hex = |bytes: &[u8; 16]| format!("x'{}'", uuid::Uuid::from_bytes(*bytes).simple());
        let expected = |row: &Row, id: &str| {
            format!("(3, {}, {}, {id}, 1)", hex(row.claim.key.as_bytes()), hex(&row.claim.stamp()))
        };
        let id = rows[0].claim.readable_id.clone().expect("a text is kept");
        assert!(text.ends_with(&format!(
            "readable_id, at_ms) VALUES {}, {}",
            expected(&rows[0], &format!("'{id}'")),
            expected(&rows[1], "NULL")
        )));
    }
}
