use consumer::prelude::*;

#[derive(Serialize, Deserialize)]
struct Charge {
    cents: i64,
}

#[derive(Serialize, Deserialize)]
struct Charged {
    number: String,
}

#[effect(name = "charge", resolve = find)]
async fn charge(charge: Charge, key: IdempotencyKey) -> anyhow::Result<Charged> {
    Ok(Charged { number: format!("{key}-{}", charge.cents) })
}

async fn find(charge: &Charge) -> anyhow::Result<Charged> {
    Ok(Charged { number: charge.cents.to_string() })
}

fn main() {
    let _ = consumer::App::<consumer::SqliteStore>::new().register::<charge>();
}
