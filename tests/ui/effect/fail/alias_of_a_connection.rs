use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

type Conn = consumer::sqlx::SqliteConnection;

#[effect(name = "receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey, conn: &mut Conn) -> anyhow::Result<()> {
    let _ = (receipt.account, key, conn);
    Ok(())
}

fn main() {}
