use consumer::prelude::*;
use sqlx::{SqliteConnection, SqlitePool};

#[derive(Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    account: i64,
}

#[consumer(quue = "ledger.payments", timeout = "30 seconds")]
fn ledger(event: &Captured, pool: &SqlitePool, one: &mut SqliteConnection, two: &mut SqliteConnection) {
    let _ = (event, pool, one, two);
}

fn main() {
    let _ = consumer::App::<consumer::SqliteStore>::new().register::<ledger>();
}
