use consumer::prelude::*;

#[consumer(name = "ledger")]
async fn ledger<E: Send>(event: E) -> anyhow::Result<()> {
    let _ = event;
    Ok(())
}

fn main() {
    let _ = consumer::App::<consumer::SqliteStore>::new().register::<ledger>();
}
