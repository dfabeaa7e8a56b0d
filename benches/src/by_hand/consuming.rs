//! A channel that consumes a queue.

use anyhow::Result;
use lapin::{
    Channel, Connection, ConnectionProperties, Consumer,
    options::{BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};

use crate::stage::Stage;

/// Connects and consumes with at most `prefetch` unacknowledged messages.
pub(crate) async fn consume(stage: &Stage, prefetch: u16) -> Result<(Connection, Channel, Consumer)> {
    let connection = Connection::connect(&stage.amqp, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel.basic_consume(stage.queue.as_str().into(), "".into(), options, none).await?;
    Ok((connection, channel, consumer))
}
