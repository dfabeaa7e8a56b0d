use consumer::prelude::*;
use sqlx::SqliteConnection;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(conn: &mut SqliteConnection, event: Captured) -> anyhow::Result<()> {
    let _ = (event, conn);
    Ok(())
}

fn main() {}
