use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(events: Batch<Captured>) -> anyhow::Result<usize> {
    let _ = events.len();
    Ok(0)
}

fn main() {}
