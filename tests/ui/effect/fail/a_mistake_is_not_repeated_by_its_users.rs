use consumer::{handler::Recording, prelude::*};

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

impl From<&Captured> for Receipt {
    fn from(event: &Captured) -> Self {
        Receipt { account: event.account }
    }
}

#[effect(name = "Receipt")]
async fn send_receipt(receipt: Receipt, key: IdempotencyKey) -> anyhow::Result<i64> {
    let _ = key;
    Ok(receipt.account)
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, receipt: Completed<send_receipt>, effects: Effects<'_>) -> anyhow::Result<()> {
    effects.schedule::<send_receipt>(&Receipt { account: event.account + receipt.0 });
    Ok(())
}

fn main() {
    let _ = consumer::App::<consumer::SqliteStore>::new().register::<(ledger, send_receipt)>();
    let _ = Recording::new().scheduled::<send_receipt>();
}
