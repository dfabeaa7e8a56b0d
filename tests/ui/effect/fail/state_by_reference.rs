use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey, state: &State<i64>) -> anyhow::Result<()> {
    let _ = (receipt.account, key, state);
    Ok(())
}

fn main() {}
