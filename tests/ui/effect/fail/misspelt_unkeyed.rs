use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt", unkeyd)]
async fn send_receipt(receipt: Receipt) -> anyhow::Result<()> {
    let _ = receipt.account;
    Ok(())
}

fn main() {}
