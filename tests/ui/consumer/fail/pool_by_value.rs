use consumer::prelude::*;
use sqlx::{Pool, Postgres};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, pool: Pool<Postgres>) -> anyhow::Result<()> {
    let _ = (event, pool);
    Ok(())
}

fn main() {}
