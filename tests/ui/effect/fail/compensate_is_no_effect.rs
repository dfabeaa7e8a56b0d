use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Charge {
    cents: i64,
}

#[derive(Serialize, Deserialize)]
struct Charged {
    number: String,
}

#[effect(name = "charge", compensate = refund)]
async fn charge(charge: Charge, key: IdempotencyKey) -> anyhow::Result<Charged> {
    Ok(Charged { number: format!("{key}-{}", charge.cents) })
}

async fn refund(charge: Charge) -> anyhow::Result<()> {
    let _ = charge.cents;
    Ok(())
}

fn main() {
    let _ = consumer::App::<consumer::SqliteStore>::new().register::<charge>();
}
