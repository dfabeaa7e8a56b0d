//! Publishing outside a handler.

use consumer_core::{
    Result,
    event::Event,
    outbox::{Cause, OutboxEvent, Route},
};
use sqlx::{MySql, Transaction};
use uuid::Uuid;

use super::write;
use crate::{
    mysql::{MySqlStore, classify},
    published::{unpublishable, unwritten},
};

impl MySqlStore {
    /// Publishes an event with a transaction of the application: it leaves after the commit, at least once and always with
    /// the id that this returns, or not at all. Where it goes follows from the event; see [`publish_to`](Self::publish_to).
    ///
    /// The event is written at once, and its key locked until the transaction ends: publish late in a transaction, and several
    /// keys in a fixed order, or two transactions wait for each other. Any isolation level does; under `REPEATABLE READ`, the
    /// server's default, two transactions that publish the first event of a key at once may deadlock. A relay finds the event
    /// when it looks next.
    ///
    /// ```
    /// # use consumer_core::{Result, event::Event};
    /// # use consumer_sqlx::mysql::MySqlStore;
    /// async fn capture<E: Event>(store: &MySqlStore, captured: &E) -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut tx = store.pool().begin().await?;
    ///     sqlx::query("UPDATE payments SET captured = true").execute(&mut *tx).await?;
    ///     store.publish(&mut tx, captured).await?;
    ///     tx.commit().await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// A connection without a transaction does not do:
    ///
    /// ```compile_fail,E0308
    /// # use consumer_core::event::Event;
    /// # use consumer_sqlx::mysql::MySqlStore;
    /// async fn capture<E: Event>(store: &MySqlStore, conn: &mut sqlx::MySqlConnection, captured: &E) {
    ///     let _ = store.publish(conn, captured).await;
    /// }
    /// ```
    ///
    /// # Errors
    /// [`is_unpublishable`](consumer_core::Error::is_unpublishable) where no broker takes the event as it is, and nothing was
    /// written. After any other error roll the transaction back: [`is_schema`](consumer_core::Error::is_schema) where the
    /// tables are missing, else [`is_unavailable`](consumer_core::Error::is_unavailable), with the `sqlx::Error` as
    /// [`source`](std::error::Error::source), such as a deadlock, after which the transaction can be run again.
    pub async fn publish<E: Event>(&self, tx: &mut Transaction<'_, MySql>, event: &E) -> Result<Uuid> {
        self.publish_to(tx, event, Route::new()).await
    }

    /// Publishes an event along a route, as [`publish`](Self::publish) does.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn publish_to<E: Event>(
        &self,
        tx: &mut Transaction<'_, MySql>,
        event: &E,
        route: Route,
    ) -> Result<Uuid> {
        let event = OutboxEvent::new(event, route, Cause::default()).map_err(unpublishable)?;
        let written = write(&self.0.sql, tx, std::slice::from_ref(&event)).await;
        written.map_err(|cause| unwritten(classify::class(&cause), cause))?;
        Ok(event.id)
    }
}
