use consumer::prelude::*;
use sqlx::PgPool;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(pool: &PgPool, event: Captured) -> anyhow::Result<()> {
    let _ = (event, pool);
    Ok(())
}

fn main() {}
