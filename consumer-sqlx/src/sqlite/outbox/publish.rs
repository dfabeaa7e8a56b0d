//! Publishing outside a handler.

use consumer_core::{
    Result,
    event::Event,
    outbox::{Cause, OutboxEvent, Route},
};
use sqlx::{Sqlite, Transaction};
use uuid::Uuid;

use super::write;
use crate::{
    published::{unpublishable, unwritten},
    sqlite::{SqliteStore, classify},
};

impl SqliteStore {
    /// Publishes an event with a transaction of the application: it leaves after the commit, at least once and always with
    /// the id that this returns, or not at all. Where it goes follows from the event; see [`publish_to`](Self::publish_to).
    ///
    /// The event is written at once. Begin with `BEGIN IMMEDIATE`: a transaction that only reads at first and writes later cannot
    /// wait for another writer, and fails as soon as there is one. A relay finds the event when it looks next.
    ///
    /// ```
    /// # use consumer_core::{Result, event::Event};
    /// # use consumer_sqlx::sqlite::SqliteStore;
    /// async fn capture<E: Event>(store: &SqliteStore, captured: &E) -> Result<(), Box<dyn std::error::Error>> {
    ///     let mut tx = store.pool().begin_with("BEGIN IMMEDIATE").await?;
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
    /// # use consumer_sqlx::sqlite::SqliteStore;
    /// async fn capture<E: Event>(store: &SqliteStore, conn: &mut sqlx::SqliteConnection, captured: &E) {
    ///     let _ = store.publish(conn, captured).await;
    /// }
    /// ```
    ///
    /// # Errors
    /// [`is_unpublishable`](consumer_core::Error::is_unpublishable) where no broker takes the event as it is, and nothing was
    /// written. After any other error roll the transaction back: [`is_schema`](consumer_core::Error::is_schema) where the
    /// tables are missing, else [`is_unavailable`](consumer_core::Error::is_unavailable), with the `sqlx::Error` as
    /// [`source`](std::error::Error::source), such as a busy file, after which the transaction can be run again.
    pub async fn publish<E: Event>(&self, tx: &mut Transaction<'_, Sqlite>, event: &E) -> Result<Uuid> {
        self.publish_to(tx, event, Route::new()).await
    }

    /// Publishes an event along a route, as [`publish`](Self::publish) does.
    ///
    /// # Errors
    /// As [`publish`](Self::publish).
    pub async fn publish_to<E: Event>(
        &self,
        tx: &mut Transaction<'_, Sqlite>,
        event: &E,
        route: Route,
    ) -> Result<Uuid> {
        let event = OutboxEvent::new(event, route, Cause::default()).map_err(unpublishable)?;
        let written = write(&self.0.sql, tx, std::slice::from_ref(&event)).await;
        written.map_err(|cause| unwritten(classify::class(&cause), cause))?;
        Ok(event.id)
    }
}
