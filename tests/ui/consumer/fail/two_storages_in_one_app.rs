use consumer::prelude::*;
use sqlx::{PgConnection, SqliteConnection};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(name = "ledger")]
async fn ledger(event: Captured, conn: &mut SqliteConnection) -> anyhow::Result<()> {
    let _ = (event, conn);
    Ok(())
}

#[consumer(name = "mail")]
async fn mail(event: Captured, conn: &mut PgConnection) -> anyhow::Result<()> {
    let _ = (event, conn);
    Ok(())
}

fn main() {
    let _ = consumer::App::new().register::<(ledger, mail)>();
}
