use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt<'a>(receipt: &'a Receipt, key: &'a IdempotencyKey) -> anyhow::Result<()> {
    let _ = (receipt.account, key);
    Ok(())
}

fn main() {}
