//! A copy on the ladder: a failed message that comes back to its queue after a while.

use std::time::Duration;

use super::{HeaderValue, Message, copy};

/// What a copy that waits says about itself, in the header `x-consumer-delayed` and the property `expiration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delayed {
    /// Which rung it waits on, from 1.
    pub rung: u32,
    /// For how long, to the millisecond.
    pub wait: Duration,
}

impl Delayed {
    /// The copy of a message that was consumed from `queue`, for one of the queue's wait queues; made as
    /// [`Message::copy_from`] says.
    pub fn copy_of(&self, message: &Message, queue: &str) -> Message {
        let mut copy = message.copy_from(queue);
        copy.headers.insert(copy::DELAYED, i64::from(self.rung));
        copy.properties.expiration = Some(self.wait.as_millis().to_string());
        copy
    }

    /// Which rung a message says that it has waited on; any publisher can write that.
    pub fn read(message: &Message) -> Option<u32> {
        let rung = message.headers.get(copy::DELAYED).and_then(HeaderValue::as_i64)?;
        Some(u32::try_from(rung).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_says_how_long_it_waits_and_keeps_what_the_broker_would_have_acted_on() {
        let mut message = Message { exchange: "shop".to_owned(), body: "{}".into(), ..Message::default() };
        message.properties.expiration = Some("60000".to_owned());
        let delayed = Delayed { rung: 2, wait: Duration::from_millis(5_250) };
        let copy = delayed.copy_of(&message, "orders");
        assert_eq!(copy.properties.expiration.as_deref(), Some("5250"));
        assert_eq!(copy.headers.text("x-consumer-original-expiration"), Some("60000"));
        assert_eq!((Delayed::read(&copy), Delayed::read(&message)), (Some(2), None));
        assert_eq!(Delayed::read(&copy.redriven()), None, "a redriven message begins anew");
    }
}
