use consumer::prelude::*;

#[effect(name = "receipt")]
async fn send_receipt(receipt: (i64, &'static str), key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (receipt, key);
    Ok(())
}

fn main() {}
