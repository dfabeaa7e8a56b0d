//! The queues of the benchmark: declared, filled, looked at, deleted.

use std::collections::VecDeque;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, PublisherConfirm,
    options::{
        BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use serde::{Deserialize, Serialize};

use crate::payment::Payment;

/// Publishes that wait for their confirm.
const IN_FLIGHT: usize = 1_024;
/// How often a queue is deleted until it is gone.
const DELETIONS: usize = 3;

/// How RabbitMQ stores a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueKind {
    /// Replicated, through a log.
    #[default]
    Quorum,
    /// On one node.
    Classic,
}

impl QueueKind {
    /// Its name in RabbitMQ.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quorum => "quorum",
            Self::Classic => "classic",
        }
    }
}

/// The name of a queue's dead-letter queue.
pub fn dead_letters(queue: &str) -> String {
    format!("{queue}.dlq")
}

/// A connection for the harness.
pub struct Broker {
    amqp: String,
    connection: Connection,
    publishing: Channel,
}

impl Broker {
    /// Connects.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn connect(amqp: &str) -> Result<Self> {
        let connection =
            Connection::connect(amqp, ConnectionProperties::default()).await.context("no RabbitMQ")?;
        let publishing = connection.create_channel().await?;
        publishing.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { amqp: amqp.to_owned(), connection, publishing })
    }

    /// Declares a durable queue and its dead-letter queue.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn declare(&self, queue: &str, kind: QueueKind) -> Result<()> {
        let channel = self.connection.create_channel().await?;
        for name in [queue.to_owned(), dead_letters(queue)] {
            let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
            let mut arguments = FieldTable::default();
            arguments.insert("x-queue-type".into(), AMQPValue::LongString(kind.as_str().into()));
            channel.queue_declare(name.as_str().into(), options, arguments).await?;
        }
        Ok(channel.close(200, "".into()).await?)
    }

    /// Publishes persistent messages and waits for the last confirm.
    ///
    /// # Errors
    /// When one is not confirmed.
    pub async fn fill(&self, queue: &str, payments: &[Payment]) -> Result<()> {
        let mut publisher = self.publisher(queue);
        for payment in payments {
            publisher.publish(payment).await?;
        }
        publisher.finish().await
    }

    /// Publishes to one queue.
    pub fn publisher(&self, queue: &str) -> Publisher<'_> {
        Publisher { channel: &self.publishing, queue: queue.into(), confirms: VecDeque::new() }
    }

    /// How many messages wait in a queue.
    ///
    /// # Errors
    /// When there is no such queue.
    pub async fn depth(&self, queue: &str) -> Result<u32> {
        let channel = self.connection.create_channel().await?;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue = channel.queue_declare(queue.into(), options, FieldTable::default()).await?;
        let depth = queue.message_count();
        channel.close(200, "".into()).await?;
        Ok(depth)
    }

    /// Takes out what has come back: acknowledgements that a quorum queue had not worked off when the consumer hung up.
    ///
    /// # Errors
    /// When it holds a message that was never delivered.
    pub async fn drain(&self, queue: &str) -> Result<()> {
        let channel = self.connection.create_channel().await?;
        let options = BasicGetOptions { no_ack: true };
        while let Some(message) = channel.basic_get(queue.into(), options).await? {
            ensure!(message.delivery.redelivered, "a message of {queue} was never delivered");
        }
        Ok(channel.close(200, "".into()).await?)
    }

    /// Deletes a queue and its dead-letter queue, with what is in them.
    ///
    /// Each time on a connection of its own: RabbitMQ 3.10 ends some with an internal error while a quorum queue goes, and a
    /// session of many minutes is not to end with it.
    ///
    /// # Errors
    /// When the broker refuses again and again.
    pub async fn delete(&self, queue: &str) -> Result<()> {
        for name in [queue.to_owned(), dead_letters(queue)] {
            let mut deleted = self.delete_one(&name).await;
            for _ in 1..DELETIONS {
                if deleted.is_err() {
                    deleted = self.delete_one(&name).await;
                }
            }
            deleted.with_context(|| format!("cannot delete queue {name}"))?;
        }
        Ok(())
    }

    /// One that is not there counts as deleted.
    async fn delete_one(&self, name: &str) -> Result<()> {
        let connection = Connection::connect(&self.amqp, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.queue_delete(name.into(), QueueDeleteOptions::default()).await?;
        Ok(connection.close(200, "".into()).await?)
    }
}

/// Publishes with confirms, many of them in flight.
pub struct Publisher<'b> {
    channel: &'b Channel,
    queue: ShortString,
    confirms: VecDeque<PublisherConfirm>,
}

impl Publisher<'_> {
    /// Publishes one message.
    ///
    /// # Errors
    /// When an earlier one is not confirmed.
    pub async fn publish(&mut self, payment: &Payment) -> Result<()> {
        let properties = BasicProperties::default()
            .with_message_id(payment.payment.to_string().into())
            .with_type("payment.captured".into())
            .with_content_type("application/json".into())
            .with_delivery_mode(2);
        let options = BasicPublishOptions::default();
        let body = payment.body();
        let confirm =
            self.channel.basic_publish("".into(), self.queue.clone(), options, &body, properties).await?;
        self.confirms.push_back(confirm);
        while self.confirms.len() >= IN_FLIGHT {
            self.confirm().await?;
        }
        Ok(())
    }

    /// Waits for all confirms.
    ///
    /// # Errors
    /// When one is missing.
    pub async fn finish(mut self) -> Result<()> {
        while !self.confirms.is_empty() {
            self.confirm().await?;
        }
        Ok(())
    }

    async fn confirm(&mut self) -> Result<()> {
        if let Some(confirm) = self.confirms.pop_front() {
            ensure!(confirm.await?.is_ack(), "a message was not confirmed");
        }
        Ok(())
    }
}
