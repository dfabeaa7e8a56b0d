use consumer::prelude::*;
use consumer::sqlx::PgConnection;

#[derive(Serialize, Deserialize)]
struct Receipt {
    account: i64,
}

#[effect(name = "Receipt", timeout = "5 s", attempts = 0, retry = 3)]
fn send_receipt<T>(receipt: &str, conn: &mut PgConnection, state: &State<T>) -> anyhow::Result<()> {
    let _ = (receipt, conn, state);
    Ok(())
}

fn main() {}
