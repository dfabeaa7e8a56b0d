//! The watchdog: finds a consumer that the broker has silently stopped serving.

use std::time::Duration;

use lapin::{
    Channel,
    options::QueueDeclareOptions,
    types::{FieldTable, ShortString},
};
use tokio::time::{sleep, timeout};

/// Looks without a consumer in a row before it counts. One may be a broker that could not ask the queue's leader.
const STRIKES: u32 = 2;

/// What was found.
#[derive(Debug)]
pub(super) enum Finding {
    /// Nothing answers on this channel; whether the broker does is another question.
    Silence,
    /// The channel is of no more use.
    Unserved(String),
}

/// Asks for the queue on the consumer's own channel every `interval`, until something is wrong.
///
/// An answer proves that the connection carries both ways, that the channel is served, that the queue is there, and
/// that it has a consumer. It needs no permission and changes nothing.
pub(super) async fn watch(channel: Channel, queue: ShortString, interval: Duration) -> Finding {
    let mut strikes = 0;
    loop {
        sleep(interval).await;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let asked = channel.queue_declare(queue.clone(), options, FieldTable::default());
        // As patient as the heartbeat: two intervals of silence end a connection.
        match timeout(interval * 2, asked).await {
            Err(_) => return Finding::Silence,
            Ok(Err(error)) => return Finding::Unserved(super::failure::text(&error)),
            Ok(Ok(queue)) if queue.consumer_count() > 0 => strikes = 0,
            Ok(Ok(_)) => strikes += 1,
        }
        if strikes >= STRIKES {
            return Finding::Unserved("the queue has no consumer any more".to_owned());
        }
    }
}
