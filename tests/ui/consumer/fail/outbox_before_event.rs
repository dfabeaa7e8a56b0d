use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(outbox: Outbox<'_>, event: Captured) -> anyhow::Result<()> {
    let _ = (event.account, outbox);
    Ok(())
}

fn main() {}
