use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt", retry = "1s")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (receipt.account, key);
    Ok(())
}

fn main() {}
