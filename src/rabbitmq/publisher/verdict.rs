//! The verdict on one message: what the broker did with it, and who is to blame.

use consumer_core::{Error, Result};
use lapin::{Confirmation, types::ShortString};

use super::{
    Publisher,
    lane::Lane,
    pool::Berth,
    suspects::{Suspect, Suspects},
};
use crate::rabbitmq::{failure, message::Outgoing, returns::Fate};

/// What the broker calls the exchange without a name.
const DEFAULT_EXCHANGE: &str = "amq.default";

impl Publisher {
    /// Says what became of a message that was answered, and remembers what others must not suffer from again.
    pub(super) fn judge(
        &self,
        berth: Berth,
        outgoing: &Outgoing,
        confirmed: lapin::Result<Confirmation>,
    ) -> Result<()> {
        let confirmation = match confirmed {
            Ok(confirmation) => confirmation,
            Err(error) => {
                let blamed = blame(berth.lane(), &self.suspects, outgoing, &error);
                berth.leave();
                return Err(blamed);
            }
        };
        if confirmation.is_nack() {
            // A channel remembers that a queue was full, also when it no longer is.
            berth.lane().retire();
        }
        let alone = berth.is_alone();
        let fate = berth.leave();
        self.learn(outgoing, alone, &confirmation, &fate);
        confirmed_as(outgoing, &confirmation, fate)
    }

    fn learn(&self, outgoing: &Outgoing, alone: bool, confirmation: &Confirmation, fate: &Fate) {
        match fate {
            Fate::Unknown => self.suspects.add(Suspect::Message(outgoing.likeness)),
            Fate::Kept if confirmation.is_nack() => self.suspects.add(Suspect::route(outgoing)),
            Fate::Kept | Fate::Returned(_) if alone => self.suspects.clear(outgoing),
            // Sent before somebody else was refused, perhaps.
            Fate::Kept | Fate::Returned(_) => {}
        }
    }
}

/// Its own confirm together with its own return.
fn confirmed_as(outgoing: &Outgoing, confirmation: &Confirmation, fate: Fate) -> Result<()> {
    match (confirmation, fate) {
        (_, Fate::Returned(said)) => Err(unroutable(outgoing, &said)),
        (Confirmation::Ack(None), Fate::Kept) => Ok(()),
        (Confirmation::Nack(_), _) => Err(Error::nacked(format!(
            "RabbitMQ refused a message for '{}': the queue is full, or could not store it",
            outgoing.routing_key
        ))),
        // The wire shows lapin no returns, and confirms are on since the channel was opened.
        _ => Err(Error::unconfirmed(
            "a message came back on the channel, and it cannot be told which one: it may be this one",
        )),
    }
}

fn unroutable(outgoing: &Outgoing, said: &str) -> Error {
    let Outgoing { exchange, routing_key, .. } = outgoing;
    let from = if exchange.as_str().is_empty() {
        "the default exchange".to_owned()
    } else {
        format!("exchange '{exchange}'")
    };
    Error::unroutable(format!(
        "no queue took a message from {from} with routing key '{routing_key}', and it is not stored: {said}; declare the \
         queue, or bind one"
    ))
}

/// Why a channel ended while a message was on it: because of this one, if that is certain.
fn blame(lane: &Lane, suspects: &Suspects, outgoing: &Outgoing, error: &lapin::Error) -> Error {
    let (said, lost) = (failure::text(error), lane.casualties());
    let refusal = failure::reply_code(error).is_some() && !failure::ends_connection(error);
    let named = names(&said, &outgoing.exchange);
    if refusal && named {
        suspects.add(Suspect::exchange(outgoing));
    } else if refusal && !lost.exchanges().any(|exchange| names(&said, exchange)) {
        suspects.add(Suspect::Message(outgoing.likeness));
    }
    if lost.all() == 1 || named && lost.to(&outgoing.exchange) == 1 {
        refused(outgoing, error)
    } else {
        unconfirmed(&said)
    }
}

/// Whether the broker speaks of this exchange.
fn names(said: &str, exchange: &ShortString) -> bool {
    said.contains(&format!("exchange '{}' in vhost", spoken(exchange)))
}

/// An exchange as the broker calls it, also in permissions.
fn spoken(exchange: &ShortString) -> &str {
    match exchange.as_str() {
        "" => DEFAULT_EXCHANGE,
        name => name,
    }
}

/// What the broker has against the only message that it can mean.
fn refused(outgoing: &Outgoing, error: &lapin::Error) -> Error {
    let (said, exchange) = (failure::text(error), &outgoing.exchange);
    match failure::reply_code(error) {
        Some(failure::NOT_FOUND) => Error::unroutable(format!(
            "a message was published to exchange '{exchange}', which does not exist, and is not stored: {said}"
        )),
        Some(failure::ACCESS_REFUSED) => Error::refused(format!(
            "this user may not publish to exchange '{}': {said}; allow it with `rabbitmqctl set_permissions`",
            spoken(exchange),
        )),
        Some(failure::PRECONDITION_FAILED) => {
            Error::unpublishable(format!("RabbitMQ does not take a message as it is: {said}"))
        }
        _ => unconfirmed(&said),
    }
}

fn unconfirmed(said: &str) -> Error {
    Error::unconfirmed(format!("RabbitMQ went away before it confirmed a message: {said}"))
}
