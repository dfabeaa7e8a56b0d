use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, clock: &State<u64>) -> anyhow::Result<()> {
    let _ = (event, clock);
    Ok(())
}

fn main() {}
