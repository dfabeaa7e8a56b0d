//! The failure records.

mod record;
mod run;
mod statements;

use std::time::Duration;

use consumer_core::{
    failure::{FailureRecord, FailureSurvey, News, RunnerId},
    inbox::ConsumerId,
    message::ClaimKey,
    storage::{FailureStorage, StorageError, Swept},
};
use sqlx::PgConnection;

pub(super) use self::statements::Statements as FailureStatements;
use super::{Inner, PgSession, PgStore, lock, statements::Statements};
use crate::{
    effect_row::span,
    failure_row::{Counts, columns},
};

async fn find(
    sql: &Statements,
    conn: &mut PgConnection,
    consumer: ConsumerId,
    key: ClaimKey,
) -> Result<Option<FailureRecord>, sqlx::Error> {
    let row = sqlx::query(sql.failures.find.clone())
        .bind(consumer.0)
        .bind(key.as_uuid())
        .fetch_optional(conn)
        .await?;
    row.map(|row| Ok(columns!(&row).read())).transpose()
}

async fn survey(
    sql: &Statements,
    conn: &mut PgConnection,
    consumer: ConsumerId,
) -> Result<FailureSurvey, sqlx::Error> {
    let (delayed, dead, oldest_us) =
        sqlx::query_as(sql.failures.survey.clone()).bind(consumer.0).fetch_one(conn).await?;
    Ok(Counts { delayed, dead, oldest_us }.read())
}

async fn sweep(store: &Inner, retention: Duration, keep: Duration, batch: u32) -> Result<Swept, sqlx::Error> {
    let sql = &store.sql.failures;
    lock::sweep(store, "event_failures", async |conn| {
        let done = sqlx::query(sql.sweep.clone())
            .bind(span(retention))
            .bind(span(keep))
            .bind(i64::from(batch))
            .execute(&mut *conn)
            .await?;
        sqlx::query(sql.sweep_runs.clone()).bind(span(retention)).execute(conn).await?;
        let rows = done.rows_affected();
        Ok(Swept { rows, more: rows == u64::from(batch) })
    })
    .await
}

impl FailureStorage for PgStore {
    async fn record_failure(
        &self,
        session: &mut PgSession,
        consumer: ConsumerId,
        key: ClaimKey,
        news: &News<'_>,
    ) -> Result<FailureRecord, StorageError> {
        Ok(record::record(&self.0.sql, session, consumer, key, news).await?)
    }

    async fn find_failure(
        &self,
        session: &mut PgSession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<Option<FailureRecord>, StorageError> {
        Ok(find(&self.0.sql, &mut session.conn, consumer, key).await?)
    }

    async fn reset_failure(
        &self,
        session: &mut PgSession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<bool, StorageError> {
        Ok(record::change(&self.0.sql.failures.reset, session, consumer, key).await?)
    }

    async fn resolve_failure(
        &self,
        session: &mut PgSession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<bool, StorageError> {
        Ok(record::change(&self.0.sql.failures.resolve, session, consumer, key).await?)
    }

    async fn survey_failures(
        &self,
        session: &mut PgSession,
        consumer: ConsumerId,
    ) -> Result<FailureSurvey, StorageError> {
        Ok(survey(&self.0.sql, &mut session.conn, consumer).await?)
    }

    async fn sweep_failures(
        &self,
        retention: Duration,
        keep: Duration,
        batch: u32,
    ) -> Result<Swept, StorageError> {
        Ok(sweep(&self.0, retention, keep, batch).await?)
    }

    async fn mark_run(
        &self,
        session: &mut PgSession,
        consumer: ConsumerId,
        message: ClaimKey,
        runner: RunnerId,
        alone: bool,
    ) -> Result<u32, StorageError> {
        Ok(run::mark(&self.0.sql, session, consumer, message, (runner, alone)).await?)
    }

    async fn clear_run(
        &self,
        session: &mut PgSession,
        consumer: ConsumerId,
        message: ClaimKey,
    ) -> Result<(), StorageError> {
        Ok(run::clear(&self.0.sql, session, consumer, message).await?)
    }
}
