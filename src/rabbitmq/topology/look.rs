//! A look at what exists, which changes nothing and needs no right.

use std::time::Duration;

use consumer_core::Result;
use lapin::{
    ExchangeKind,
    options::{ExchangeDeclareOptions, QueueDeclareOptions},
    types::FieldTable,
};
use tokio::time::timeout;

use super::{channel, refused, short, silent};
use crate::rabbitmq::{
    failure::{self, NOT_FOUND},
    link::Link,
    session::Session,
};

/// How long the broker may take to say what is in a queue.
const ANSWER: Duration = Duration::from_secs(5);

/// How many messages wait in a queue, if there is one.
pub(in crate::rabbitmq) async fn depth(link: Link, queue: String) -> Result<Option<u64>> {
    let session = link.soon().await?;
    timeout(ANSWER, at_queue(&session, &queue)).await.unwrap_or_else(|_| Err(silent(&queue)))
}

/// How many messages wait in a queue, if there is one.
pub(super) async fn at_queue(session: &Session, queue: &str) -> Result<Option<u64>> {
    let options = QueueDeclareOptions { passive: true, durable: true, ..QueueDeclareOptions::default() };
    let found = channel(session).await?.queue_declare(short(queue)?, options, FieldTable::default()).await;
    match found {
        Ok(found) => Ok(Some(found.message_count().into())),
        Err(error) if failure::reply_code(&error) == Some(NOT_FOUND) => Ok(None),
        Err(error) => Err(refused(&format!("look at queue '{queue}'"), &error)),
    }
}

/// Whether there is such an exchange.
pub(super) async fn at_exchange(session: &Session, exchange: &str) -> Result<bool> {
    let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    let (name, kind) = (short(exchange)?, ExchangeKind::Direct);
    let found = channel(session).await?.exchange_declare(name, kind, options, FieldTable::default()).await;
    match found {
        Ok(()) => Ok(true),
        Err(error) if failure::reply_code(&error) == Some(NOT_FOUND) => Ok(false),
        Err(error) => Err(refused(&format!("look at exchange '{exchange}'"), &error)),
    }
}
