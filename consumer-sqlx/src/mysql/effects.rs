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
use sqlx::{AssertSqlSafe, MySqlConnection};

pub(super) use self::{statements::Statements as EffectStatements, undo::keep};
use super::{
    Inner, MySqlSession, MySqlStore, lock,
    statements::{Statements, run},
    unit::send_away,
};
use crate::{
    effect_row::{BATCH, columns, span},
    savepoint::ROLL_BACK,
};

/// Writes intents, those that are not there yet.
pub(super) async fn write(
    sql: &Statements,
    conn: &mut MySqlConnection,
    intents: &[Intent],
) -> Result<(), sqlx::Error> {
    for batch in intents.chunks(BATCH) {
        let rows = vec![ROW; batch.len()].join(", ");
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

const ROW: &str = "(?, ?, ?, ?, ?, ?, 'planned', ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))";

async fn find(
    sql: &Statements,
    conn: &mut MySqlConnection,
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
    lock::sweep(store, "external_effects", async |conn| {
        let done = sqlx::query(sql.sweep.clone()).bind(span(retention)).bind(batch).execute(conn).await?;
        let rows = done.rows_affected();
        Ok(Swept { rows, more: rows == u64::from(batch) })
    })
    .await
}

/// Finds a row outside a unit. Without autocommit, the look begins a transaction that has to end.
async fn look_up(
    sql: &Statements,
    session: &mut MySqlSession,
    id: EffectId,
) -> Result<Option<EffectRow>, sqlx::Error> {
    let conn = session.awake().await?;
    let found = find(sql, conn, id).await?;
    run(conn, ROLL_BACK).await?;
    Ok(found)
}

impl EffectStorage for MySqlStore {
    async fn start_effect(
        &self,
        session: &mut MySqlSession,
        intent: &Intent,
        lease: Duration,
    ) -> Result<Right, StorageError> {
        Ok(call::start(&self.0.sql, session, intent, lease).await?)
    }

    async fn lease_effects(
        &self,
        session: &mut MySqlSession,
        effects: &[&str],
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Leased>, StorageError> {
        Ok(call::lease(&self.0.sql, session, effects, lease, limit).await?)
    }

    async fn renew_effect(
        &self,
        session: &mut MySqlSession,
        id: EffectId,
        fence: i64,
        lease: Duration,
    ) -> Result<bool, StorageError> {
        Ok(call::renew(&self.0.sql, session, id, fence, lease).await?)
    }

    async fn finish_effect(
        &self,
        session: &mut MySqlSession,
        id: EffectId,
        fence: i64,
        ending: &Ending,
        departures: &Departures,
    ) -> Result<Recorded, StorageError> {
        Ok(call::finish(&self.0.sql, session, id, fence, ending, departures).await?)
    }

    async fn effects_of(
        &self,
        session: &mut MySqlSession,
        consumer: ConsumerId,
        event: ClaimKey,
    ) -> Result<Vec<EffectRecord>, StorageError> {
        Ok(people::of(&self.0.sql, session, consumer, event).await?)
    }

    async fn compensate_effect(
        &self,
        session: &mut MySqlSession,
        id: EffectId,
        departures: &Departures,
    ) -> Result<bool, StorageError> {
        Ok(undo::compensate(&self.0.sql, session, id, departures).await?)
    }

    async fn list_effects(
        &self,
        session: &mut MySqlSession,
        filter: &EffectFilter,
    ) -> Result<Vec<EffectRecord>, StorageError> {
        Ok(people::list(&self.0.sql, session, filter).await?)
    }

    async fn find_effect(
        &self,
        session: &mut MySqlSession,
        id: EffectId,
    ) -> Result<Option<EffectRecord>, StorageError> {
        Ok(look_up(&self.0.sql, session, id).await?.map(|row| row.record))
    }

    async fn resolve_effect(
        &self,
        session: &mut MySqlSession,
        id: EffectId,
        found: &ByHand,
    ) -> Result<bool, StorageError> {
        Ok(people::resolve(&self.0.sql, session, id, found).await?)
    }

    async fn release_effect(&self, session: &mut MySqlSession, id: EffectId) -> Result<bool, StorageError> {
        Ok(people::release(&self.0.sql, session, id).await?)
    }

    async fn count_effects(&self, session: &mut MySqlSession) -> Result<EffectCounts, StorageError> {
        Ok(people::count(&self.0.sql, session).await?)
    }

    async fn sweep_effects(&self, retention: Duration, batch: u32) -> Result<Swept, StorageError> {
        Ok(sweep(&self.0, retention, batch).await?)
    }
}
