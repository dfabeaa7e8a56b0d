use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "receipt", unkeyed)]
async fn send_receipt() -> anyhow::Result<()> {
    Ok(())
}

fn main() {}
