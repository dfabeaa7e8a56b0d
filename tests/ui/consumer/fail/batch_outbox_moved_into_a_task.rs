use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(events: Batch<Captured>, outbox: BatchOutbox<'_>) -> anyhow::Result<()> {
    tokio::spawn(async move {
        for item in &events {
            outbox.of(item).publish(&Captured { account: item.event.account });
        }
    });
    Ok(())
}

fn main() {}
