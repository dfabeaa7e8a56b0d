//! A publisher that is not ours: plain lapin, straight to the broker.

use std::{collections::BTreeSet, time::Duration};

use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind,
    options::{
        BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
        ExchangeDeleteOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{FieldTable, ShortString},
};

use tokio::time::timeout;

use crate::event::Paid;

/// How long the broker may take to confirm.
const CONFIRM: Duration = Duration::from_secs(30);

/// Publishes to one fanout exchange, which every consumer of a test binds its queue to.
pub struct Publisher {
    connection: Connection,
    channel: Channel,
    exchange: ShortString,
}

impl Publisher {
    /// Connects, and declares the exchange.
    ///
    /// # Panics
    /// Where the broker refuses.
    pub async fn connect(url: &str, exchange: &str) -> Self {
        let connection =
            Connection::connect(url, ConnectionProperties::default()).await.expect("RabbitMQ of the tests");
        let channel = connection.create_channel().await.expect("a channel");
        let exchange: ShortString = exchange.into();
        let (options, none) = (ExchangeDeclareOptions::default(), FieldTable::default());
        channel
            .exchange_declare(exchange.clone(), ExchangeKind::Fanout, options, none)
            .await
            .expect("an exchange");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        Self { connection, channel, exchange }
    }

    /// Publishes a message for each event, and waits for the broker's word on all of them.
    ///
    /// # Panics
    /// If the broker takes one of them not.
    pub async fn publish(&self, events: &[Paid]) {
        let mut confirms = Vec::with_capacity(events.len());
        for event in events {
            confirms.push(self.send(event).await);
        }
        for confirm in confirms {
            let confirmation =
                timeout(CONFIRM, confirm).await.expect("a confirm in time").expect("a confirm");
            assert!(matches!(confirmation, Confirmation::Ack(None)), "not taken: {confirmation:?}");
        }
    }

    async fn send(&self, event: &Paid) -> lapin::PublisherConfirm {
        let body = serde_json::to_vec(event).expect("an event is JSON");
        let properties = BasicProperties::default()
            .with_message_id(event.payment.as_str().into())
            .with_delivery_mode(2)
            .with_content_type("application/json".into());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        self.channel
            .basic_publish(self.exchange.clone(), "".into(), options, &body, properties)
            .await
            .expect("a publish")
    }

    /// How many messages wait in a queue; those that somebody holds unacked are not among them.
    ///
    /// # Panics
    /// If there is no such queue.
    pub async fn waiting(&self, queue: &str) -> u32 {
        // A queue that is missing ends the channel, which must not be the publisher's.
        let channel = self.connection.create_channel().await.expect("a channel");
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue =
            channel.queue_declare(queue.into(), options, FieldTable::default()).await.expect("a queue");
        let waiting = queue.message_count();
        channel.close(200, "".into()).await.expect("a channel that closes");
        waiting
    }

    /// Takes everything out of a queue, and returns the ids.
    ///
    /// # Panics
    /// If there is no such queue.
    pub async fn empty(&self, queue: &str) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        let options = BasicGetOptions { no_ack: true };
        while let Some(message) = self.channel.basic_get(queue.into(), options).await.expect("a queue") {
            let properties = &message.delivery.properties;
            let id = properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default();
            let headers = properties.headers().as_ref().map(FieldTable::inner);
            if let Some(reason) = headers.and_then(|headers| headers.get("x-consumer-reason")) {
                println!("dead letter {id} in `{queue}`: {reason:?}");
            }
            ids.insert(id);
        }
        ids
    }

    /// Deletes the exchange and these queues.
    pub async fn clean(self, queues: &[String]) {
        for queue in queues {
            let _ = self.channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await;
        }
        let _ = self.channel.exchange_delete(self.exchange, ExchangeDeleteOptions::default()).await;
        let _ = self.connection.close(200, "".into()).await;
    }
}
