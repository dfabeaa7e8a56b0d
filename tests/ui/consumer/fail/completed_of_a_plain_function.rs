use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

async fn charge(account: i64) -> anyhow::Result<()> {
    let _ = account;
    Ok(())
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, charged: Completed<charge>) -> anyhow::Result<()> {
    let _ = (event.account, charged.0, charge);
    Ok(())
}

fn main() {}
