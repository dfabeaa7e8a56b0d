//! The app: which consumers there are, apart from the servers they run on.

use consumer::{prelude::*, retry::RetryPolicy};

use crate::{capture::capture, fraud::Fraud, refund::refund, store::Store};

/// The exchange that every RabbitMQ has; publishers use an event's type as routing key.
pub const EXCHANGE: &str = "amq.topic";

/// A refund waits for its payment this often before a person has to look.
const PATIENCE: u32 = 20;

pub fn app(fraud: Fraud) -> App<Store> {
    let patient = RetryPolicy { attempts: PATIENCE, ..RetryPolicy::default() };
    App::new()
        .state(fraud)
        .register_with::<capture>(|c| c.concurrency(4).bind(EXCHANGE, "payment.captured"))
        .register_with::<refund>(|c| c.concurrency(2).bind(EXCHANGE, "payment.refunded").retry(patient))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fraud::HouseRule;

    #[test]
    fn nothing_is_missing() {
        app(Arc::new(HouseRule)).check().expect("everything fits together");
    }
}
