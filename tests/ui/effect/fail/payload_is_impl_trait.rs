use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(receipt: impl Serialize, key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (receipt, key);
    Ok(())
}

fn main() {}
