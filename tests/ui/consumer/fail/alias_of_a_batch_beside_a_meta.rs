use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

type Events = Batch<Captured>;

#[consumer(name = "ledger")]
async fn ledger(events: Events, meta: &Meta) -> anyhow::Result<()> {
    let _ = (events, meta);
    Ok(())
}

fn main() {}
