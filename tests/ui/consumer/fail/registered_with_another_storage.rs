use consumer::prelude::*;
use consumer_tests::dummy::DummyConnection;

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, conn: &mut DummyConnection) -> anyhow::Result<()> {
    let _ = (event, conn);
    Ok(())
}

fn wiring<S: consumer::Storage>() -> consumer::App<S> {
    consumer::App::new().register::<ledger>()
}

fn main() {}
