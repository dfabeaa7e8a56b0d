use consumer::prelude::*;
use sqlx::SqliteConnection;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, meta: &mut Meta, conn: &mut SqliteConnection) -> anyhow::Result<()> {
    let _ = (event, meta, conn);
    Ok(())
}

fn main() {}
