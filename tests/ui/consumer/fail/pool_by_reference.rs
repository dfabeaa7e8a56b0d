use consumer::prelude::*;
use sqlx::PgPool;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, pool: &PgPool) -> anyhow::Result<()> {
    let _ = (event, pool);
    Ok(())
}

fn main() {
    let _ = consumer::App::<consumer::SqliteStore>::new().register::<ledger>();
}
