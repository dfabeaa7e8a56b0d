use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey) -> impl std::fmt::Debug {
    let _ = (receipt.account, key);
    Ok::<(), std::io::Error>(())
}

fn main() {}
