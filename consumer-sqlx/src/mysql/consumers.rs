//! The ids of consumers.

use consumer_core::{
    Error, Result,
    inbox::ConsumerId,
    storage::{ConsumerName, Enrolled},
};
use sqlx::{Connection, MySqlConnection};

use super::{Inner, lock};
use crate::enrollment::{self, Enrollment, Register};

pub(super) async fn enroll(store: &Inner, wanted: &[ConsumerName<'_>]) -> Result<Vec<ConsumerId>> {
    let mut alone = lock::alone(&store.pool, &store.tables).await.map_err(failed)?;
    let mut tx = alone.conn.begin().await.map_err(failed)?;
    let register = read(store, &mut tx).await.map_err(failed)?;
    let enrollment = enrollment::enroll(register, wanted, &store.tables)?;
    write(store, &mut tx, &enrollment).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    alone.release().await.map_err(failed)?;
    Ok(enrollment.ids)
}

async fn read(store: &Inner, conn: &mut MySqlConnection) -> Result<Register, sqlx::Error> {
    let names: Vec<(Vec<u8>, i32)> = sqlx::query_as(store.sql.register.clone()).fetch_all(&mut *conn).await?;
    let highest = sqlx::query_scalar(store.sql.highest.clone()).fetch_one(conn).await?;
    Ok(Register { names: names.into_iter().map(|(name, id)| (text(name), id)).collect(), highest })
}

async fn write(
    store: &Inner,
    conn: &mut MySqlConnection,
    enrollment: &Enrollment,
) -> Result<(), sqlx::Error> {
    for (name, id) in &enrollment.new {
        sqlx::query(store.sql.enroll.clone()).bind(name.as_bytes()).bind(id).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Notes how consumers are set up.
pub(super) async fn note(store: &Inner, deployments: &[(&str, String)]) -> Result<()> {
    let mut conn = store.pool.acquire().await.map_err(unwritten)?;
    for (name, deployment) in deployments {
        let note = sqlx::query(store.sql.note.clone()).bind(deployment).bind(name.as_bytes());
        note.execute(&mut *conn).await.map_err(unwritten)?;
    }
    Ok(())
}

/// All names, in their order.
pub(super) async fn enrolled(store: &Inner) -> Result<Vec<Enrolled>> {
    let rows: Vec<(Vec<u8>, i32, Option<String>)> =
        sqlx::query_as(store.sql.enrolled.clone()).fetch_all(&store.pool).await.map_err(failed)?;
    let enrolled = |(name, id, deployment)| Enrolled { name: text(name), id: ConsumerId(id), deployment };
    Ok(rows.into_iter().map(enrolled).collect())
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn failed(cause: sqlx::Error) -> Error {
    Error::unavailable("the names of the consumers cannot be looked up in the database").because(cause)
}

fn unwritten(cause: sqlx::Error) -> Error {
    Error::unavailable("how the consumers are set up cannot be noted in the database").because(cause)
}
