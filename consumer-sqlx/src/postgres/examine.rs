//! What a start would refuse or warn about.

use consumer_core::{Storage, doctor::Finding};

use super::{PgStore, builder, durability, lock, migrate};
use crate::{
    examination::{self, DATABASE},
    migration,
    refusal::Refusal,
};

pub(super) async fn examine(store: &PgStore) -> Vec<Finding> {
    let mut findings = match look(store).await {
        Ok(findings) => findings,
        Err(refusal) => vec![refusal.finding(DATABASE)],
    };
    findings.push(examination::pool(store.0.pool.options().get_max_connections()));
    findings
}

async fn look(store: &PgStore) -> Result<Vec<Finding>, Refusal> {
    builder::try_out(&store.0.pool.connect_options(), &store.address()).await?;
    let mut conn = lock::connection(&store.0.pool).await.map_err(migration::away)?;
    let mut findings = vec![examination::reached(&store.describe())];
    findings.push(examination::tables(migrate::examine(&store.0, &mut conn).await));
    findings.extend(examination::durability(durability::risks(&mut conn).await, durability::KEPT));
    Ok(findings)
}
