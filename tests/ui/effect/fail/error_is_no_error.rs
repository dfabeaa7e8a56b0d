use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey) -> Result<(), String> {
    let _ = (receipt.account, key);
    Err("no".to_owned())
}

fn main() {}
