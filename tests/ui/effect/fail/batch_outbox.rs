use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey, outbox: BatchOutbox<'_>) -> anyhow::Result<()> {
    let _ = (receipt.account, key, outbox);
    Ok(())
}

fn main() {}
