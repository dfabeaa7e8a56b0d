use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[derive(Serialize, Deserialize)]
struct Charge(i64);

impl From<&Captured> for Charge {
    fn from(event: &Captured) -> Self {
        Self(event.account)
    }
}

#[effect(name = "charge")]
async fn charge_card(charge: Charge, key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (charge.0, key);
    Ok(())
}

#[consumer(name = "ledger")]
async fn ledger(events: Batch<Captured>, charged: Completed<charge_card>) -> anyhow::Result<()> {
    let _ = (events, charged);
    Ok(())
}

fn main() {}
