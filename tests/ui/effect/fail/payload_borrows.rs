use consumer::prelude::*;
use std::borrow::Cow;

#[effect(name = "receipt")]
async fn send_receipt(receipt: Cow<'_, str>, key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (receipt, key);
    Ok(())
}

fn main() {}
