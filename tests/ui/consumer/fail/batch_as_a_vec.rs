use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(events: Vec<Captured>) -> anyhow::Result<()> {
    let _ = events;
    Ok(())
}

fn main() {}
