//! Every accepted shape, under the lints that a careful user denies.
#![deny(warnings, missing_docs, unreachable_pub)]

use consumer::{App, handler::HandlerError, prelude::*};
use consumer_tests::dummy::{DummyConnection, DummyStore, DummyTransaction};

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct Captured {
    #[event(key)]
    account: i64,
    #[event(id)]
    payment: String,
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "balance.changed", version = 2)]
struct Changed {
    account: i64,
}

#[derive(Debug, Event)]
enum Money {
    Captured(Captured),
    Changed(Changed),
}

#[derive(Debug, thiserror::Error, Classify)]
enum LedgerError {
    #[error("database")]
    Db(#[from] consumer::sqlx::Error),
    #[error("closed")]
    #[classify(permanent)]
    AccountClosed,
    #[error("busy")]
    #[classify(retry_after = 30)]
    Busy,
    #[error("any")]
    Any(#[from] anyhow::Error),
}

#[consumer(name = "ledger", queue = "ledger.payments", timeout = "5s", aliases = ["books"])]
async fn record_payment(event: Captured, conn: &mut DummyConnection) -> Result<(), LedgerError> {
    let _ = (event.payment, conn);
    match event.account {
        0 => Err(LedgerError::AccountClosed),
        1 => Err(LedgerError::Busy),
        _ => Ok(()),
    }
}

#[consumer(name = "no-connection")]
async fn no_connection(_: Captured, meta: &Meta, State(n): State<u8>) -> anyhow::Result<()> {
    let _ = (meta, n);
    Ok(())
}

#[consumer(name = "tx", as = InTransaction)]
async fn in_transaction(
    event: Money,
    meta: Meta,
    tx: &mut DummyTransaction<'_>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let _ = (meta, tx, event);
    Ok(())
}
type Tx<'t> = DummyTransaction<'t>;
#[consumer(name = "alias")]
async fn alias(Changed { account }: Changed, tx: &mut Tx<'_>) -> Result<(), HandlerError> {
    let _ = (account, tx);
    Ok(())
}

#[test]
fn wiring() -> consumer::Result<()> {
    App::<DummyStore>::new()
        .state(1u8)
        .register::<(record_payment, no_connection, alias, InTransaction)>()
        .check()
}
