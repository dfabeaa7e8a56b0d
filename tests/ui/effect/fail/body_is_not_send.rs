use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey) -> anyhow::Result<()> {
    let shared = std::rc::Rc::new(receipt.account);
    std::future::ready(()).await;
    let _ = (shared, key);
    Ok(())
}

fn main() {}
