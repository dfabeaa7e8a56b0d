use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, effects: BatchEffects<'_>) -> anyhow::Result<()> {
    let _ = (event, effects);
    Ok(())
}

fn main() {}
