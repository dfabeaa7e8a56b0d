//! The death of a message as RabbitMQ records it, in the headers of what it moves to a dead-letter queue.

use std::{collections::BTreeMap, time::Duration};

use super::{HeaderValue, Headers};

/// The last time that the broker itself gave a message up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Death<'a> {
    /// Such as `delivery_limit`, `expired` or `rejected`.
    pub(super) reason: Option<&'a str>,
    /// Where it was.
    pub(super) queue: Option<&'a str>,
    /// What it had been published to.
    pub(super) exchange: Option<&'a str>,
    pub(super) routing_key: Option<&'a str>,
    /// When, since the Unix epoch.
    pub(super) at: Option<Duration>,
}

impl<'a> Death<'a> {
    /// Of a message that the broker has dead-lettered.
    ///
    /// The latest stands first in `x-death`. The `x-first-death-…` headers are older than that for a message that had waited
    /// in a wait queue, and name that one.
    pub(super) fn last(headers: &'a Headers) -> Option<Self> {
        let recorded = match headers.get("x-death") {
            Some(HeaderValue::Array(deaths)) => deaths.first(),
            _ => None,
        };
        match recorded {
            Some(HeaderValue::Table(death)) => Some(Self::recorded(death)),
            _ => Self::named(headers, "last").or_else(|| Self::named(headers, "first")),
        }
    }

    fn recorded(death: &'a BTreeMap<String, HeaderValue>) -> Self {
        let text = |name| death.get(name).and_then(HeaderValue::as_str);
        let routing_key = match death.get("routing-keys") {
            Some(HeaderValue::Array(keys)) => keys.first().and_then(HeaderValue::as_str),
            _ => None,
        };
        let at = match death.get("time") {
            Some(HeaderValue::Timestamp(seconds)) => Some(Duration::from_secs(*seconds)),
            _ => None,
        };
        Self { reason: text("reason"), queue: text("queue"), exchange: text("exchange"), routing_key, at }
    }

    fn named(headers: &'a Headers, which: &str) -> Option<Self> {
        let text = |what| headers.text(&format!("x-{which}-death-{what}"));
        let queue = Some(text("queue")?);
        Some(Self { reason: text("reason"), queue, exchange: text("exchange"), ..Self::default() })
    }
}

#[cfg(test)]
pub(super) fn record(queue: &str, reason: &str, exchange: &str, routing_key: &str) -> HeaderValue {
    HeaderValue::Table(
        [
            ("count", 1.into()),
            ("reason", reason.into()),
            ("queue", queue.into()),
            ("exchange", exchange.into()),
            ("routing-keys", HeaderValue::Array(vec![routing_key.into()])),
            ("time", HeaderValue::Timestamp(1_700_000_000)),
        ]
        .map(|(name, value): (_, HeaderValue)| (name.to_owned(), value))
        .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(headers: &[(&str, HeaderValue)]) -> Headers {
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn a_message_that_waited_first_died_in_its_queue_last() {
        let deaths = HeaderValue::Array(vec![
            record("orders", "delivery_limit", "", "orders"),
            record("orders.wait.5000", "expired", "", "orders.wait.5000"),
        ]);
        let headers = headers(&[("x-death", deaths), ("x-first-death-queue", "orders.wait.5000".into())]);
        let death = Death::last(&headers).expect("it died");
        assert_eq!((death.queue, death.reason), (Some("orders"), Some("delivery_limit")));
        assert_eq!(death.at, Some(Duration::from_secs(1_700_000_000)));
    }

    #[test]
    fn without_a_record_the_names_tell() {
        let first = [("x-first-death-queue", "old".into()), ("x-first-death-reason", "rejected".into())];
        let death = |all: &[(&str, HeaderValue)]| {
            let headers = headers(all);
            Death::last(&headers).and_then(|death| death.queue.map(str::to_owned))
        };
        assert_eq!(death(&first), Some("old".to_owned()));
        let last = ("x-last-death-queue", "new".into());
        assert_eq!(death(&[first[0].clone(), last]), Some("new".to_owned()));
    }

    #[test]
    fn what_no_broker_writes_is_no_death() {
        for nonsense in [1.into(), "x".into(), HeaderValue::Array(vec![]), HeaderValue::Array(vec![1.into()])]
        {
            assert_eq!(Death::last(&headers(&[("x-death", nonsense)])), None);
        }
        assert_eq!(Death::last(&Headers::new()), None);
    }
}
