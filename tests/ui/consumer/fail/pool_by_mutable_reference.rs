use consumer::prelude::*;
use sqlx::SqliteConnection;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, conn: &mut SqliteConnection, pool: &mut sqlx::SqlitePool) -> anyhow::Result<()> {
    let _ = (event, conn, pool);
    Ok(())
}

fn main() {}
