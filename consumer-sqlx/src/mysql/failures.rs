//! The failure records.

mod record;
mod run;
mod statements;
mod sweep;

use std::time::Duration;

use consumer_core::{
    failure::{FailureRecord, FailureSurvey, News, RunnerId},
    inbox::ConsumerId,
    message::ClaimKey,
    storage::{FailureStorage, StorageError, Swept},
};

pub(super) use self::statements::Statements as FailureStatements;
use super::{
    MySqlSession, MySqlStore,
    statements::{Statements, run},
};
use crate::{
    failure_row::{Counts, columns},
    savepoint::ROLL_BACK,
};

/// Finds a record. Without autocommit, the look begins a transaction that has to end.
async fn find(
    sql: &Statements,
    session: &mut MySqlSession,
    consumer: ConsumerId,
    key: ClaimKey,
) -> Result<Option<FailureRecord>, sqlx::Error> {
    let conn = session.awake().await?;
    let row = sqlx::query(sql.failures.find.clone())
        .bind(consumer.0)
        .bind(key.as_bytes().as_slice())
        .fetch_optional(&mut *conn)
        .await?;
    run(conn, ROLL_BACK).await?;
    row.map(|row| Ok(columns!(&row).read())).transpose()
}

async fn survey(
    sql: &Statements,
    session: &mut MySqlSession,
    consumer: ConsumerId,
) -> Result<FailureSurvey, sqlx::Error> {
    let conn = session.awake().await?;
    let (delayed, dead, oldest_us) =
        sqlx::query_as(sql.failures.survey.clone()).bind(consumer.0).fetch_one(&mut *conn).await?;
    run(conn, ROLL_BACK).await?;
    Ok(Counts { delayed, dead, oldest_us }.read())
}

impl FailureStorage for MySqlStore {
    async fn record_failure(
        &self,
        session: &mut MySqlSession,
        consumer: ConsumerId,
        key: ClaimKey,
        news: &News<'_>,
    ) -> Result<FailureRecord, StorageError> {
        Ok(record::record(&self.0.sql, session, consumer, key, news).await?)
    }

    async fn find_failure(
        &self,
        session: &mut MySqlSession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<Option<FailureRecord>, StorageError> {
        Ok(find(&self.0.sql, session, consumer, key).await?)
    }

    async fn reset_failure(
        &self,
        session: &mut MySqlSession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<bool, StorageError> {
        Ok(record::change(&self.0.sql.failures.reset, session, consumer, key).await?)
    }

    async fn resolve_failure(
        &self,
        session: &mut MySqlSession,
        consumer: ConsumerId,
        key: ClaimKey,
    ) -> Result<bool, StorageError> {
        Ok(record::change(&self.0.sql.failures.resolve, session, consumer, key).await?)
    }

    async fn survey_failures(
        &self,
        session: &mut MySqlSession,
        consumer: ConsumerId,
    ) -> Result<FailureSurvey, StorageError> {
        Ok(survey(&self.0.sql, session, consumer).await?)
    }

    async fn sweep_failures(
        &self,
        retention: Duration,
        keep: Duration,
        batch: u32,
    ) -> Result<Swept, StorageError> {
        Ok(sweep::sweep(&self.0, retention, keep, batch).await?)
    }

    async fn mark_run(
        &self,
        session: &mut MySqlSession,
        consumer: ConsumerId,
        message: ClaimKey,
        runner: RunnerId,
        alone: bool,
    ) -> Result<u32, StorageError> {
        Ok(run::mark(&self.0.sql, session, consumer, message, (runner, alone)).await?)
    }

    async fn clear_run(
        &self,
        session: &mut MySqlSession,
        consumer: ConsumerId,
        message: ClaimKey,
    ) -> Result<(), StorageError> {
        Ok(run::clear(&self.0.sql, session, consumer, message).await?)
    }
}
