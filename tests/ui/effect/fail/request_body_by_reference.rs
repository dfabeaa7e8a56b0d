use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey, body: &RequestBody) -> anyhow::Result<()> {
    let _ = (receipt.account, key, body);
    Ok(())
}

fn main() {}
