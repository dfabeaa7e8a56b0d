use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger", batch = "64")]
async fn ledger(event: Captured) -> anyhow::Result<()> {
    let _ = event;
    Ok(())
}

fn main() {}
