use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

struct Silent;

#[effect(name = "receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey) -> anyhow::Result<Silent> {
    let _ = (receipt.account, key);
    Ok(Silent)
}

fn main() {}
