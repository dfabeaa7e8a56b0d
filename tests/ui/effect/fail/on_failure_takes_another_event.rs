use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Charge {
    cents: i64,
}

#[derive(Serialize, Deserialize)]
struct Charged {
    number: String,
}

#[effect(name = "charge", on_failure = failed)]
async fn charge(charge: Charge, key: IdempotencyKey) -> anyhow::Result<Charged> {
    Ok(Charged { number: format!("{key}-{}", charge.cents) })
}

#[derive(Serialize, Deserialize, Event)]
#[event(type = "refund", version = 1)]
struct Refund {
    number: String,
}

#[consumer(name = "failed")]
async fn failed(refund: Refund) -> anyhow::Result<()> {
    let _ = refund.number;
    Ok(())
}

fn main() {
    let _ = consumer::App::<consumer::SqliteStore>::new().register::<(charge, failed)>();
}
