use consumer::prelude::*;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

type Conn = Vec<u8>;

#[consumer(name = "ledger")]
async fn ledger(event: Captured, conn: &mut Conn) -> anyhow::Result<()> {
    let _ = (event, conn);
    Ok(())
}

fn main() {}
