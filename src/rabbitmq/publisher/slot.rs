//! A slot: one channel with confirms, for one message at a time.

use std::sync::Arc;

use consumer_core::{Error, Result};
use lapin::{
    Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};

use super::refused;
use crate::rabbitmq::{message::Outgoing, session::Session};

/// A channel that has no message in flight between two calls.
#[derive(Debug)]
pub(super) struct Slot {
    session: Arc<Session>,
    channel: Channel,
}

impl Slot {
    pub(super) async fn open(session: Arc<Session>) -> lapin::Result<Self> {
        let channel = session.channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { session, channel })
    }

    pub(super) fn is_of(&self, session: &Arc<Session>) -> bool {
        Arc::ptr_eq(&self.session, session) && self.is_usable()
    }

    pub(super) fn is_usable(&self) -> bool {
        self.session.is_alive() && self.channel.status().connected()
    }

    /// Publishes one message, mandatory, and waits for the confirm.
    ///
    /// # Cancel safety
    /// Dropped, the confirm is still to come: the slot must be dropped too.
    pub(super) async fn publish(&mut self, outgoing: &Outgoing) -> Result<()> {
        let confirmed = async { self.send(outgoing).await?.await }.await;
        match confirmed {
            Ok(Confirmation::Ack(None)) => Ok(()),
            Ok(Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned))) => {
                Err(unroutable(outgoing, returned.reply_text.as_str()))
            }
            Ok(Confirmation::Nack(None)) => Err(Error::unconfirmed(format!(
                "RabbitMQ refused a message for '{}': the queue is full, or could not store it",
                outgoing.routing_key
            ))),
            // Confirms are on since the channel was opened.
            Ok(Confirmation::NotRequested) => Err(Error::unconfirmed("the channel has no confirms")),
            Err(error) => Err(refused(outgoing, &error)),
        }
    }

    async fn send(&self, outgoing: &Outgoing) -> lapin::Result<lapin::PublisherConfirm> {
        let Outgoing { exchange, routing_key, properties, body, .. } = outgoing;
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        self.channel
            .basic_publish(exchange.clone(), routing_key.clone(), options, body, properties.clone())
            .await
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
