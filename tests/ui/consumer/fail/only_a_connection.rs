use consumer::prelude::*;
use sqlx::SqliteConnection;

#[consumer(name = "ledger")]
async fn ledger(conn: &mut SqliteConnection) -> anyhow::Result<()> {
    let _ = conn;
    Ok(())
}

fn main() {}
