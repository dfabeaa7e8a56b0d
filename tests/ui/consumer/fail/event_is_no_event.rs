use consumer::prelude::*;

#[consumer(name = "ledger")]
async fn ledger(account: i64, meta: Meta) -> anyhow::Result<()> {
    let _ = (account, meta);
    Ok(())
}

fn main() {}
