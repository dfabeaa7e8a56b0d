use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[effect(name = "receipt")]
async fn receipt(account: i64, key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (account, key);
    Ok(())
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, effects: Effects<'_>) -> anyhow::Result<()> {
    tokio::spawn(async move { effects.schedule::<receipt>(&event.account) });
    Ok(())
}

fn main() {}
