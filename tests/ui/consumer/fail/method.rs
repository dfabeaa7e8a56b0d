use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

struct Ledger;

impl Ledger {
    #[consumer(name = "ledger")]
    async fn record(&self, event: Captured) -> anyhow::Result<()> {
        let _ = event;
        Ok(())
    }
}

fn main() {}
