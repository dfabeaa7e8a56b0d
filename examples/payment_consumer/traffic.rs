//! Traffic: messages as other services would publish them, good ones and bad ones.

use consumer::{
    broker::Publication,
    event::{EncodeError, Event},
    message::{Message, Properties},
};
use fastrand::Rng;
use uuid::Uuid;

use crate::{
    app::EXCHANGE,
    event::{PaymentCaptured, PaymentRefunded},
    fraud::HouseRule,
    money::Cents,
};

const MERCHANTS: i64 = 20;
const COUNTRIES: [&str; 5] = ["DE", "FR", "NL", "NO", "PT"];

/// Traffic without an end; the same for the same seed.
pub struct Traffic {
    rng: Rng,
    captured: Vec<PaymentCaptured>,
}

/// A message, and whether any consumer could make sense of it.
pub struct Sent {
    pub publication: Publication,
    pub poisoned: bool,
}

impl Traffic {
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), captured: Vec::new() }
    }

    fn next_message(&mut self) -> Result<Sent, EncodeError> {
        let (message, poisoned) = match (self.rng.u32(..100), self.earlier()) {
            (0, Some(earlier)) => (publication(&self.forgery(&earlier))?, true),
            (1, _) => (truncated(publication(&self.capture())?), true),
            (2, _) => (from_the_future(publication(&self.capture())?), true),
            (3..20, Some(earlier)) => (publication(&self.refund(&earlier))?, false),
            _ => (publication(&self.payment())?, false),
        };
        Ok(Sent { publication: message, poisoned })
    }

    fn payment(&mut self) -> PaymentCaptured {
        let payment = self.capture();
        self.captured.push(payment.clone());
        payment
    }

    fn capture(&mut self) -> PaymentCaptured {
        PaymentCaptured {
            payment: self.id(),
            merchant: self.rng.i64(1..=MERCHANTS),
            card_country: self.country().to_owned(),
            amount_cents: self.amount(HouseRule::MOST_CENTS * 21 / 20),
        }
    }

    /// Of a part of the payment; now and then of more than is left.
    fn refund(&mut self, payment: &PaymentCaptured) -> PaymentRefunded {
        PaymentRefunded {
            refund: self.id(),
            payment: payment.payment,
            amount_cents: self.amount(payment.amount_cents.get()),
        }
    }

    /// Another payment under an id that has been used; nobody hears of that one again.
    fn forgery(&mut self, payment: &PaymentCaptured) -> PaymentCaptured {
        self.captured.retain(|captured| captured.payment != payment.payment);
        PaymentCaptured { merchant: MERCHANTS + 1, ..payment.clone() }
    }

    fn country(&mut self) -> &'static str {
        let blocked = self.rng.u8(..) < 4;
        let among = if blocked { &HouseRule::BLOCKED_COUNTRIES[..] } else { &COUNTRIES };
        among[self.rng.usize(..among.len())]
    }

    fn earlier(&mut self) -> Option<PaymentCaptured> {
        self.rng.choice(&self.captured).cloned()
    }

    fn amount(&mut self, most: i64) -> Cents {
        Cents::at_least_one(self.rng.i64(1..=most))
    }

    fn id(&mut self) -> Uuid {
        uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid()
    }
}

impl Iterator for Traffic {
    type Item = Result<Sent, EncodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_message())
    }
}

/// An event as a plain AMQP message.
fn publication(event: &impl Event) -> Result<Publication, EncodeError> {
    let name = event.event_type().name;
    let properties = Properties {
        content_type: Some("application/json".to_owned()),
        message_id: event.id().map(String::from),
        message_type: Some(name.to_owned()),
        ..Properties::default()
    };
    let message = Message { properties, body: event.encode()?.into(), ..Message::default() };
    Ok(Publication { exchange: EXCHANGE.to_owned(), routing_key: name.to_owned(), message })
}

fn truncated(mut publication: Publication) -> Publication {
    let body = &mut publication.message.body;
    body.truncate(body.len() / 2);
    publication
}

fn from_the_future(mut publication: Publication) -> Publication {
    publication.message.headers.insert("x-event-version", 9);
    publication
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn bodies(seed: u64) -> Vec<Vec<u8>> {
        let sent = Traffic::new(seed).take(1000).map(|sent| sent.expect("it can be written"));
        sent.map(|sent| sent.publication.message.body.to_vec()).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_messages() {
        assert_eq!(bodies(7), bodies(7));
        assert_ne!(bodies(7), bodies(8));
    }

    #[test]
    fn no_two_messages_are_the_same() {
        for seed in 0..20 {
            assert_eq!(bodies(seed).iter().collect::<HashSet<_>>().len(), 1000);
        }
    }
}
