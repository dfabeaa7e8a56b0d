use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt", batch = 64)]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (receipt.account, key);
    Ok(())
}

fn main() {}
