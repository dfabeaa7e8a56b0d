use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt", unkeyed = true)]
async fn send_receipt(receipt: Receipt) -> anyhow::Result<()> {
    let _ = receipt.account;
    Ok(())
}

fn main() {}
