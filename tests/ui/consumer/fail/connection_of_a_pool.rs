use consumer::prelude::*;
use sqlx::{Postgres, pool::PoolConnection};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, conn: &mut PoolConnection<Postgres>) -> anyhow::Result<()> {
    let _ = (event, conn);
    Ok(())
}

fn main() {}
