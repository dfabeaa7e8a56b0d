use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(key: IdempotencyKey, receipt: Receipt) -> anyhow::Result<()> {
    let _ = (receipt.account, key);
    Ok(())
}

fn main() {}
