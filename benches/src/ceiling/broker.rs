//! The broker alone: messages are consumed and acknowledged, and nothing is done with them.

use anyhow::Result;
use futures_util::{StreamExt, TryStreamExt};
use lapin::options::BasicAckOptions;

use crate::{by_hand::consume, stage::Stage};

/// An acknowledgement for each message.
pub async fn run_each(stage: Stage) -> Result<()> {
    const PREFETCH: u16 = 512;
    let (connection, _channel, consumer) = consume(&stage, PREFETCH).await?;
    let mut deliveries = consumer.take_until(stage.over());
    while let Some(delivery) = deliveries.try_next().await? {
        stage.meter.add(1);
        delivery.ack(BasicAckOptions::default()).await?;
    }
    Ok(connection.close(200, "".into()).await?)
}

/// One for what has come, up to 64 messages.
pub async fn run_multiple(stage: Stage) -> Result<()> {
    const PREFETCH: u16 = 1_024;
    const BATCH: usize = 64;
    let (connection, channel, consumer) = consume(&stage, PREFETCH).await?;
    let mut deliveries = consumer.take_until(stage.over()).ready_chunks(BATCH);
    while let Some(batch) = deliveries.next().await {
        let batch: Vec<_> = batch.into_iter().collect::<lapin::Result<_>>()?;
        stage.meter.add(batch.len() as u64);
        if let Some(last) = batch.last() {
            channel.basic_ack(last.delivery_tag, BasicAckOptions { multiple: true }).await?;
        }
    }
    Ok(connection.close(200, "".into()).await?)
}
