use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(receipt: &mut Receipt, key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (receipt.account, key);
    Ok(())
}

fn main() {}
