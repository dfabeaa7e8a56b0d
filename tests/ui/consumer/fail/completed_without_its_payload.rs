use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[derive(Serialize, Deserialize)]
struct Charge {
    account: i64,
}

#[effect(name = "charge")]
async fn charge(charge: Charge, key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (charge.account, key);
    Ok(())
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, charge: Completed<charge>) -> anyhow::Result<()> {
    let _ = (event.account, charge.0);
    Ok(())
}

fn main() {
    let _ = consumer::App::<consumer::SqliteStore>::new().register::<(ledger, charge)>();
}
