use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey, charge: Completed<Receipt>) -> anyhow::Result<()> {
    let _ = (receipt.account, key, charge.0);
    Ok(())
}

fn main() {}
