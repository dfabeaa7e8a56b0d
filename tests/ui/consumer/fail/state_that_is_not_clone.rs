use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

struct Mailer;

#[consumer(name = "ledger")]
async fn ledger(event: Captured, State(mailer): State<Mailer>) -> anyhow::Result<()> {
    let _ = (event, mailer);
    Ok(())
}

fn main() {}
