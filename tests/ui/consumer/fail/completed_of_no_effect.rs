use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, charge: Completed<Captured>) -> anyhow::Result<()> {
    let _ = (event.account, charge.0);
    Ok(())
}

fn main() {}
