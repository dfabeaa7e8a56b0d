//! The app: which consumers there are, apart from the servers they run on.

use std::time::Duration;

use consumer::{http::Provider, prelude::*, retry::RetryPolicy};

use crate::{
    capture::capture,
    charge::charge,
    fraud::Fraud,
    receipt::send_receipt,
    refund::refund,
    reversal::{refund_at_gateway, reverse},
    statement::statement,
    store::Store,
};

/// The exchange that every RabbitMQ has; publishers use an event's type as routing key.
pub const EXCHANGE: &str = "amq.topic";

/// A refund waits for its payment, and for the charge of it, this often before a person has to look.
const PATIENCE: u32 = 100;
/// All of its waits have to end before RabbitMQ takes the message back.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

pub fn app(fraud: Fraud, gateway: Provider) -> App<Store> {
    let patient = RetryPolicy::never().at_once(PATIENCE).waits(Duration::from_millis(200), LONGEST_WAIT);
    App::new()
        .state(fraud)
        .state(gateway)
        .register::<(charge, send_receipt, refund_at_gateway)>()
        .register_with::<capture>(|c| c.concurrency(4).bind(EXCHANGE, "payment.captured"))
        .register_with::<refund>(|c| {
            c.concurrency(2).bind(EXCHANGE, "payment.refunded").retry(patient.clone())
        })
        .register_with::<reverse>(|c| {
            c.concurrency(4).bind(EXCHANGE, "refund.approved").retry(patient.clone())
        })
        .register_with::<statement>(|c| {
            c.concurrency(2).bind(EXCHANGE, "payment.booked").bind(EXCHANGE, "refund.booked")
        })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fraud::HouseRule;

    #[test]
    fn nothing_is_missing() {
        let gateway = Provider::new("http://gateway/v1").expect("a good address");
        app(Arc::new(HouseRule), gateway).check().expect("everything fits together");
    }
}
