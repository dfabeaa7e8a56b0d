use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(events: Batch<Captured>, effects: Effects<'_>) -> anyhow::Result<()> {
    let _ = (events, effects);
    Ok(())
}

fn main() {}
