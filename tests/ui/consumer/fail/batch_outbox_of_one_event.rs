use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, outbox: BatchOutbox<'_>) -> anyhow::Result<()> {
    let _ = (event, outbox);
    Ok(())
}

fn main() {}
