use consumer::prelude::*;
use consumer::sqlx::SqlitePool;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey, pool: SqlitePool) -> anyhow::Result<()> {
    let _ = (receipt.account, key, pool);
    Ok(())
}

fn main() {}
