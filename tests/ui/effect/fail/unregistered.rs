use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[deny(dead_code)]
mod effects {
    use super::*;

    #[effect(name = "receipt")]
    async fn send_receipt(receipt: Receipt, key: IdempotencyKey) -> anyhow::Result<()> {
        let _ = (receipt.account, key);
        Ok(())
    }
}

fn main() {}
