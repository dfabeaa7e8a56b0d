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

#[derive(Serialize, Deserialize)]
struct Refund {
    number: String,
}

#[effect(name = "refund")]
async fn refund(refund: Refund, key: IdempotencyKey) -> anyhow::Result<()> {
    let _ = (refund.number, key);
    Ok(())
}

fn main() {
    let _ = consumer::App::<consumer::SqliteStore>::new().register::<(charge, refund)>();
}
