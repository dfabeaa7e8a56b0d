use consumer::prelude::*;
use sqlx::{Postgres, Transaction};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, tx: &mut Transaction<Postgres>) -> anyhow::Result<()> {
    let _ = (event, tx);
    Ok(())
}

fn main() {}
