//! An edit: a dead letter with another body, which makes it another event.

use bytes::Bytes;

use super::{Envelope, Letter, Message, Rejection, cloudevents, copy};

impl Message {
    /// This dead letter with another body, as the new event `id`; it goes back to its queue like a
    /// [redriven](Self::redriven) one, and says in `x-consumer-edited-from` which event it was.
    ///
    /// The id is written wherever an envelope has one: the property `message_id`, the id of a CloudEvent in the headers or, in
    /// structured mode, in the body. Where the id is a field of the data (`#[event(id)]`), only a person can write it. The body
    /// is taken as it is, without any content encoding.
    ///
    /// # Errors
    /// What makes the message unreadable.
    pub fn edited(&self, body: Bytes, id: &str) -> Result<Self, Rejection> {
        let mut message = self.redriven();
        message.body = body;
        message.properties.content_encoding = None;
        message.properties.message_id = Some(id.to_owned());
        cloudevents::rename(&mut message, id)?;
        let letter = Letter::read(self);
        let key = || letter.key.map(|key| key.to_string());
        let from = letter.id.clone().or_else(key).unwrap_or_else(|| "unknown".to_owned());
        message.headers.insert(copy::EDITED_FROM, from);
        Envelope::read(&message)?;
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::message::{ClaimKey, DeadLetter, Reason};

    const NEW: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn letter(content_type: &str, headers: &[(&str, &str)], body: &str) -> Message {
        let mut message = Message { body: body.to_owned().into(), ..Message::default() };
        message.properties.message_id = Some("old".to_owned());
        message.properties.content_type = Some(content_type.to_owned());
        headers.iter().for_each(|(name, value)| drop(message.headers.insert(*name, *value)));
        let letter = DeadLetter {
            reason: Reason::Undecodable,
            error: "",
            class: None,
            key: ClaimKey::from_bytes([0xcd; 16]),
            id: None,
            dead_at: Duration::ZERO,
            attempts: 0,
            consumer: "ledger",
            queue: "orders",
            effects: Default::default(),
        };
        letter.of(&message)
    }

    fn edited(letter: &Message, body: &str) -> Result<Message, Rejection> {
        letter.edited(body.to_owned().into(), NEW)
    }

    fn seen(message: &Message) -> (String, Bytes) {
        let envelope = Envelope::read(message).expect("readable");
        (envelope.id.expect("an id"), envelope.data)
    }

    #[test]
    fn a_plain_message_has_another_id_and_says_which_it_had() {
        let edited = edited(&letter("application/json", &[], "{"), "{}").expect("readable");
        assert_eq!(seen(&edited), (NEW.to_owned(), "{}".into()));
        assert_eq!(edited.headers.text("x-consumer-edited-from"), Some("old"));
        assert_eq!(edited.headers.text("x-consumer-reason"), None);
        assert_eq!(Letter::read(&edited).edited_from.as_deref(), Some("old"));
    }

    #[test]
    fn the_old_id_stays_known_in_another_dead_letter() {
        let edited = edited(&letter("application/json", &[], "{"), "{}").expect("readable");
        let consumed = Message { routing_key: "orders".to_owned(), ..edited };
        assert_eq!(consumed.copy_from("orders").headers.text("x-consumer-edited-from"), Some("old"));
    }

    #[test]
    fn a_cloud_event_in_headers_has_another_id_there() {
        for prefix in ["cloudEvents_", "cloudEvents:"] {
            let name = |attribute: &str| format!("{prefix}{attribute}");
            let headers = [name("id"), name("source"), name("specversion"), name("type")];
            let values = ["old", "/shop", "1.0", "paid"];
            let headers: Vec<_> = headers.iter().map(String::as_str).zip(values).collect();
            let whole = letter("application/json", &headers, "[]");
            assert_eq!(seen(&edited(&whole, "{}").expect("readable")), (NEW.to_owned(), "{}".into()));
            let without = letter("application/json", &headers[1..], "[]");
            assert_eq!(seen(&edited(&without, "{}").expect("readable")).0, NEW, "it had none");
        }
    }

    #[test]
    fn a_structured_cloud_event_has_another_id_in_its_body_and_keeps_its_numbers() {
        let body = r#"{"specversion":"1.0","id":"old","source":"/","type":"t","data":{"cents":1.00}}"#;
        let letter = letter("application/cloudevents+json", &[], body);
        let edited = edited(&letter, &body.replace("1.00", "2.00")).expect("readable");
        assert_eq!(seen(&edited), (NEW.to_owned(), r#"{"cents":2.00}"#.into()));
    }

    #[test]
    fn a_body_that_nobody_could_read_is_refused() {
        let letter = letter("application/cloudevents+json", &[], "{}");
        for body in ["", "[]", "{}", r#"{"specversion":"1.0","source":"/"}"#] {
            assert!(edited(&letter, body).is_err(), "{body}");
        }
    }

    #[test]
    fn what_was_compressed_is_taken_as_it_was_typed() {
        let mut letter = letter("application/json", &[], "\u{1f}");
        letter.properties.content_encoding = Some("gzip".to_owned());
        assert_eq!(seen(&edited(&letter, "{}").expect("readable")).1, "{}");
    }
}
