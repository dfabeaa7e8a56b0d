use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt")]
async fn send_receipt(key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = key;
    Ok(())
}

fn main() {}
