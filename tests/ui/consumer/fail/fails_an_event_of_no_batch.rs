use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(events: Batch<Captured>) -> anyhow::Result<BatchFailures<anyhow::Error>> {
    let mut failures = BatchFailures::new();
    for item in events {
        failures.fail(&item.event, anyhow::anyhow!("closed"));
    }
    Ok(failures)
}

fn main() {}
