//! Reading a message.

use anyhow::{Context, Result};
use lapin::message::Delivery;
use uuid::Uuid;

use crate::payment::Payment;

/// A message that was read.
#[derive(Debug)]
pub(super) struct Received {
    /// Its number on the channel.
    pub(super) tag: u64,
    /// Its id.
    pub(super) id: Uuid,
    /// What it says.
    pub(super) payment: Payment,
}

/// Reads the id and the body.
pub(super) fn read(delivery: &Delivery) -> Result<Received> {
    let id = delivery.properties.message_id().as_ref().context("a message without an id")?;
    Ok(Received {
        tag: delivery.delivery_tag,
        id: id.as_str().parse().context("an id that is no UUID")?,
        payment: serde_json::from_slice(&delivery.data).context("a body that is no payment")?,
    })
}
