use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

const SIZE: u16 = 64;

#[consumer(name = "ledger", batch = SIZE)]
async fn ledger(event: Captured) -> anyhow::Result<()> {
    let _ = event;
    Ok(())
}

fn main() {}
