use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

const NAME: &str = "ledger";

#[consumer(name = NAME)]
async fn ledger(event: Captured) -> anyhow::Result<()> {
    let _ = event;
    Ok(())
}

const _: &str = NAME;

fn main() {}
