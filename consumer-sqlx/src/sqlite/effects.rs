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
use sqlx::{AssertSqlSafe, SqliteConnection};

use self::call::millis;
pub(super) use self::{statements::Statements as EffectStatements, undo::keep};
use super::{
    Inner, SqliteSession, SqliteStore, lock,
    statements::{NOW, Statements},
    unit::send_away,
};
use crate::effect_row::{BATCH, columns};

/// Writes intents, those that are not there yet.
pub(super) async fn write(
    sql: &Statements,
    conn: &mut SqliteConnection,
    intents: &[Intent],
) -> Result<(), sqlx::Error> {
    for batch in intents.chunks(BATCH) {
        let rows = vec![ROW; batch.len()].join(", ").replace("{now}", NOW);
        let write = AssertSqlSafe(sql.effects.write.replace("{rows}", &rows));
        // A statement that is kept for each number of rows would push out those that are needed again.
        let mut query = sqlx::query(write).persistent(batch.len() == 1);
        for intent in batch {
            query = query
                .bind(intent.id.as_uuid().as_bytes().to_vec())
                .bind(intent.consumer.0)
                .bind(intent.event.as_bytes().to_vec())
                .bind(&intent.effect)
                .bind(&intent.label)
                .bind(intent.moment.as_str())
                .bind(intent.key.as_str())
                .bind(intent.request.as_ref())
                .bind(intent.origin.to_json());
        }
        query.execute(&mut *conn).await?;
    }
    Ok(())
}

const ROW: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, {now}, {now})";

async fn find(
    sql: &Statements,
    conn: &mut SqliteConnection,
    id: EffectId,
) -> Result<Option<EffectRow>, sqlx::Error> {
    let row = sqlx::query(sql.effects.find.clone())
        .bind(id.as_uuid().as_bytes().as_slice())
        .fetch_optional(conn)
        .await?;
    row.map(|row| columns!(&row).read()).transpose()
}

async fn sweep(store: &Inner, retention: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    let sql = &store.sql.effects;
    lock::sweep(store, async |conn| {
        let done = sqlx::query(sql.sweep.clone()).bind(millis(retention)).bind(batch).execute(conn).await?;
        let rows = done.rows_affected();
        Ok(Swept { rows, more: rows == u64::from(batch) })
    })
    .await
}

impl EffectStorage for SqliteStore {
    async fn start_effect(
        &self,
        session: &mut SqliteSession,
        intent: &Intent,
        lease: Duration,
    ) -> Result<Right, StorageError> {
        Ok(call::start(&self.0, session, intent, lease).await?)
    }

    async fn lease_effects(
        &self,
        session: &mut SqliteSession,
        effects: &[&str],
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Leased>, StorageError> {
        Ok(call::lease(&self.0, session, effects, lease, limit).await?)
    }

    async fn renew_effect(
        &self,
        session: &mut SqliteSession,
        id: EffectId,
        fence: i64,
        lease: Duration,
    ) -> Result<bool, StorageError> {
        Ok(call::renew(&self.0, session, id, fence, lease).await?)
    }

    async fn finish_effect(
        &self,
        session: &mut SqliteSession,
        id: EffectId,
        fence: i64,
        ending: &Ending,
        departures: &Departures,
    ) -> Result<Recorded, StorageError> {
        Ok(call::finish(&self.0, session, id, fence, ending, departures).await?)
    }

    async fn effects_of(
        &self,
        session: &mut SqliteSession,
        consumer: ConsumerId,
        event: ClaimKey,
    ) -> Result<Vec<EffectRecord>, StorageError> {
        Ok(people::of(&self.0.sql, &mut session.conn, consumer, event).await?)
    }

    async fn compensate_effect(
        &self,
        session: &mut SqliteSession,
        id: EffectId,
        departures: &Departures,
    ) -> Result<bool, StorageError> {
        Ok(undo::compensate(&self.0, session, id, departures).await?)
    }

    async fn list_effects(
        &self,
        session: &mut SqliteSession,
        filter: &EffectFilter,
    ) -> Result<Vec<EffectRecord>, StorageError> {
        Ok(people::list(&self.0.sql, &mut session.conn, filter).await?)
    }

    async fn find_effect(
        &self,
        session: &mut SqliteSession,
        id: EffectId,
    ) -> Result<Option<EffectRecord>, StorageError> {
        Ok(find(&self.0.sql, &mut session.conn, id).await?.map(|row| row.record))
    }

    async fn resolve_effect(
        &self,
        session: &mut SqliteSession,
        id: EffectId,
        found: &ByHand,
    ) -> Result<bool, StorageError> {
        Ok(people::resolve(&self.0, session, id, found).await?)
    }

    async fn release_effect(&self, session: &mut SqliteSession, id: EffectId) -> Result<bool, StorageError> {
        Ok(people::release(&self.0, session, id).await?)
    }

    async fn count_effects(&self, session: &mut SqliteSession) -> Result<EffectCounts, StorageError> {
        Ok(people::count(&self.0.sql, &mut session.conn).await?)
    }

    async fn sweep_effects(&self, retention: Duration, batch: u32) -> Result<Swept, StorageError> {
        Ok(sweep(&self.0, retention, batch).await?)
    }
}
