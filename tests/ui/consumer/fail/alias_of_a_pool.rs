use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

type Db = sqlx::PgPool;

#[consumer(name = "ledger")]
async fn ledger(event: Captured, db: &mut Db) -> anyhow::Result<()> {
    let _ = (event, db);
    Ok(())
}

fn main() {}
