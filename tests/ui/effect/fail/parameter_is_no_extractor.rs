use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey, wait: std::time::Duration) -> anyhow::Result<()> {
    let _ = (receipt.account, key, wait);
    Ok(())
}

fn main() {}
