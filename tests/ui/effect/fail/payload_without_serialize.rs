use consumer::prelude::*;

#[derive(Deserialize)]
struct Silent {}

#[effect(name = "receipt")]
async fn send_receipt(receipt: Silent, key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (receipt, key);
    Ok(())
}

fn main() {}
