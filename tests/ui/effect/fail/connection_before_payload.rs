use consumer::prelude::*;
use consumer::sqlx::SqliteConnection;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(conn: &mut SqliteConnection, receipt: Receipt, key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (receipt.account, key, conn);
    Ok(())
}

fn main() {}
