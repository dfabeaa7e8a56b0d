use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, bytes: &mut Vec<u8>) -> anyhow::Result<()> {
    let _ = (event, bytes);
    Ok(())
}

fn main() {}
