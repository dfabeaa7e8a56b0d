use consumer::prelude::*;

#[consumer(name = "ledger")]
async fn ledger() -> anyhow::Result<()> {
    Ok(())
}

fn main() {}
