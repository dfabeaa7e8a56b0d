use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

mod axum {
    pub struct State<T>(pub T);
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, axum::State(clock): axum::State<u8>) -> anyhow::Result<()> {
    let _ = (event, clock);
    Ok(())
}

fn main() {}
