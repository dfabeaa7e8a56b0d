//! The effect ledger.

mod call;
mod people;
mod statements;
mod undo;

use std::time::Duration;

use consumer_core::{
    departures::Departures,
    effect::{
        ByHand, EffectCounts, EffectFilter, EffectId, EffectRecord, EffectRow, Ending, Intent, Leased,
        Recorded, Right,
    },
    inbox::ConsumerId,
    message::ClaimKey,
    storage::{EffectStorage, StorageError, Swept},
};
use sqlx::PgConnection;
use uuid::Uuid;

pub(super) use self::{statements::Statements as EffectStatements, undo::keep};
use super::{Inner, PgSession, PgStore, lock, statements::Statements, unit::send_away};
use crate::effect_row::{columns, span};

/// Writes intents, those that are not there yet.
pub(super) async fn write(
    sql: &Statements,
    conn: &mut PgConnection,
    intents: &[Intent],
) -> Result<(), sqlx::Error> {
    if intents.is_empty() {
        return Ok(());
    }
    let each = intents.iter();
    sqlx::query(sql.effects.write.clone())
        .bind(each.clone().map(|intent| intent.id.as_uuid()).collect::<Vec<Uuid>>())
        .bind(each.clone().map(|intent| intent.consumer.0).collect::<Vec<i32>>())
        .bind(each.clone().map(|intent| intent.event.as_uuid()).collect::<Vec<Uuid>>())
        .bind(each.clone().map(|intent| intent.effect.as_str()).collect::<Vec<&str>>())
        .bind(each.clone().map(|intent| intent.label.as_str()).collect::<Vec<&str>>())
        .bind(each.clone().map(|intent| intent.moment.as_str()).collect::<Vec<&str>>())
        .bind(each.clone().map(|intent| intent.key.as_str()).collect::<Vec<&str>>())
        .bind(each.clone().map(|intent| intent.request.as_ref()).collect::<Vec<&[u8]>>())
        .bind(each.map(|intent| intent.origin.to_json()).collect::<Vec<String>>())
        .execute(conn)
        .await
        .map(drop)
}

async fn find(
    sql: &Statements,
    conn: &mut PgConnection,
    id: EffectId,
) -> Result<Option<EffectRow>, sqlx::Error> {
    let row = sqlx::query(sql.effects.find.clone()).bind(id.as_uuid()).fetch_optional(conn).await?;
    row.map(|row| columns!(&row).read()).transpose()
}

async fn sweep(store: &Inner, retention: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    let sql = &store.sql.effects;
    lock::sweep(store, "external_effects", async |conn| {
        let done =
            sqlx::query(sql.sweep.clone()).bind(span(retention)).bind(i64::from(batch)).execute(conn).await?;
        let rows = done.rows_affected();
        Ok(Swept { rows, more: rows == u64::from(batch) })
    })
    .await
}

impl EffectStorage for PgStore {
    async fn start_effect(
        &self,
        session: &mut PgSession,
        intent: &Intent,
        lease: Duration,
    ) -> Result<Right, StorageError> {
        Ok(call::start(&self.0.sql, session, intent, lease).await?)
    }

    async fn lease_effects(
        &self,
        session: &mut PgSession,
        effects: &[&str],
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Leased>, StorageError> {
        Ok(call::lease(&self.0.sql, session, effects, lease, limit).await?)
    }

    async fn renew_effect(
        &self,
        session: &mut PgSession,
        id: EffectId,
        fence: i64,
        lease: Duration,
    ) -> Result<bool, StorageError> {
        Ok(call::renew(&self.0.sql, session, id, fence, lease).await?)
    }

    async fn finish_effect(
        &self,
        session: &mut PgSession,
        id: EffectId,
        fence: i64,
        ending: &Ending,
        departures: &Departures,
    ) -> Result<Recorded, StorageError> {
        Ok(call::finish(&self.0.sql, session, id, fence, ending, departures).await?)
    }

    async fn effects_of(
        &self,
        session: &mut PgSession,
        consumer: ConsumerId,
        event: ClaimKey,
    ) -> Result<Vec<EffectRecord>, StorageError> {
        Ok(people::of(&self.0.sql, &mut session.conn, consumer, event).await?)
    }

    async fn compensate_effect(
        &self,
        session: &mut PgSession,
        id: EffectId,
        departures: &Departures,
    ) -> Result<bool, StorageError> {
        Ok(undo::compensate(&self.0.sql, session, id, departures).await?)
    }

    async fn list_effects(
        &self,
        session: &mut PgSession,
        filter: &EffectFilter,
    ) -> Result<Vec<EffectRecord>, StorageError> {
        Ok(people::list(&self.0.sql, &mut session.conn, filter).await?)
    }

    async fn find_effect(
        &self,
        session: &mut PgSession,
        id: EffectId,
    ) -> Result<Option<EffectRecord>, StorageError> {
        Ok(find(&self.0.sql, &mut session.conn, id).await?.map(|row| row.record))
    }

    async fn resolve_effect(
        &self,
        session: &mut PgSession,
        id: EffectId,
        found: &ByHand,
    ) -> Result<bool, StorageError> {
        Ok(people::resolve(&self.0.sql, session, id, found).await?)
    }

    async fn release_effect(&self, session: &mut PgSession, id: EffectId) -> Result<bool, StorageError> {
        Ok(people::release(&self.0.sql, session, id).await?)
    }

    async fn count_effects(&self, session: &mut PgSession) -> Result<EffectCounts, StorageError> {
        Ok(people::count(&self.0.sql, &mut session.conn).await?)
    }

    async fn sweep_effects(&self, retention: Duration, batch: u32) -> Result<Swept, StorageError> {
        Ok(sweep(&self.0, retention, batch).await?)
    }
}
