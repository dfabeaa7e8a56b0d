use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

struct Mailer;

impl Mailer {
    #[effect(name = "receipt")]
    async fn send_receipt(&self, receipt: Receipt, key: IdempotencyKey) -> anyhow::Result<()> {
        let _ = (receipt.account, key);
        Ok(())
    }
}

fn main() {
    let _ = Mailer::send_receipt;
}
