//! A consumer that publishes, schedules and takes what effects have done; each is called by its test as it is written.

use consumer::{App, PgStore, SqliteStore, handler::Effect, prelude::*};
use consumer_tests::database::Database;
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use uuid::Uuid;

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "payment.captured", version = 1)]
struct PaymentCaptured {
    #[event(key)]
    account: i64,
    payment: Uuid,
    amount_cents: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "balance.changed", version = 1)]
struct BalanceChanged {
    #[event(key)]
    account: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Receipt {
    payment: Uuid,
}

#[derive(Debug, thiserror::Error, Classify)]
enum LedgerError {
    #[error("the database")]
    Db(#[from] sqlx::Error),
}

#[derive(Debug, thiserror::Error, Classify)]
#[error("the mail server")]
#[classify(transient)]
struct MailError;

#[derive(Clone, Default)]
struct Mailer(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl Mailer {
    fn new() -> Self {
        Self::default()
    }

    async fn send(&self, receipt: &Receipt, key: &str) -> Result<(), MailError> {
        self.0.lock().map_err(|_| MailError)?.push(format!("{} {key}", receipt.payment));
        Ok(())
    }
}

/// A plain async fn. `conn` is the connection of the transaction that holds the claim of this event.
#[consumer(name = "ledger", queue = "ledger.payments")]
async fn record_payment(
    event: PaymentCaptured,
    conn: &mut PgConnection,
    outbox: Outbox<'_>,
    effects: Effects<'_>,
) -> Result<(), LedgerError> {
    sqlx::query("INSERT INTO payments (id, account, cents) VALUES ($1, $2, $3)")
        .bind(event.payment)
        .bind(event.account)
        .bind(event.amount_cents)
        .execute(&mut *conn)
        .await?;
    outbox.publish(&BalanceChanged { account: event.account });
    effects.schedule::<send_receipt>(&Receipt { payment: event.payment });
    Ok(())
}

/// A side effect that no transaction covers. Runs after the commit, always with the same key.
#[effect(name = "receipt")]
async fn send_receipt(
    receipt: Receipt,
    key: IdempotencyKey,
    State(mail): State<Mailer>,
) -> Result<(), MailError> {
    mail.send(&receipt, key.as_str()).await
}

fn app() -> App<PgStore> {
    App::new().state(Mailer::new()).register::<(record_payment, send_receipt)>()
}

#[derive(Debug, Serialize, Deserialize, Event)]
#[event(type = "order.placed", version = 1)]
struct OrderPlaced {
    order: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct ChargeRequest {
    order: i64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Charge {
    number: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Hold(i64);

impl From<&OrderPlaced> for ChargeRequest {
    fn from(order: &OrderPlaced) -> Self {
        Self { order: order.order }
    }
}

impl From<&OrderPlaced> for Hold {
    fn from(order: &OrderPlaced) -> Self {
        Self(order.order)
    }
}

#[effect(name = "charge")]
async fn charge_card(request: ChargeRequest, key: IdempotencyKey) -> anyhow::Result<Charge> {
    Ok(Charge { number: format!("{}-{key}", request.order) })
}

/// It takes what ran before it.
#[effect(name = "hold")]
async fn hold_stock(hold: &Hold, charge: Completed<charge_card>, _: &IdempotencyKey) -> anyhow::Result<i64> {
    anyhow::ensure!(!charge.0.number.is_empty());
    Ok(hold.0 * 10)
}

#[consumer(name = "checkout")]
async fn checkout(
    order: OrderPlaced,
    charge: Completed<charge_card>,
    Completed(held): Completed<hold_stock>,
    conn: &mut SqliteConnection,
    #[cfg(not(test))] gone: Completed<no_such_effect>,
    #[cfg(test)] outbox: Outbox<'_>,
) -> anyhow::Result<()> {
    sqlx::query("INSERT INTO orders VALUES (?, ?, ?)")
        .bind(order.order)
        .bind(charge.0.number)
        .bind(held)
        .execute(conn)
        .await?;
    outbox.publish(&BalanceChanged { account: order.order });
    Ok(())
}

#[test]
fn the_wiring_is_one_line() {
    app().check().unwrap();
    App::<SqliteStore>::new().register::<(checkout, charge_card, hold_stock)>().check().unwrap();
}

#[tokio::test]
async fn a_test_lends_an_outbox_and_effects() -> anyhow::Result<()> {
    let Some(database) = Database::postgres().await else { return Ok(()) };
    let mut conn = PgConnection::connect(database.url()).await?;
    sqlx::query("CREATE TEMP TABLE payments (id uuid, account bigint, cents bigint)")
        .execute(&mut conn)
        .await?;
    let recording = Recording::new();
    let event = PaymentCaptured { account: 7, payment: Uuid::nil(), amount_cents: 100 };
    record_payment(event, &mut conn, recording.outbox(), recording.effects()).await?;
    assert_eq!(recording.published::<BalanceChanged>(), [BalanceChanged { account: 7 }]);
    assert_eq!(recording.scheduled::<send_receipt>(), [Receipt { payment: Uuid::nil() }]);
    assert_eq!(recording.flaw(), None);
    Ok(())
}

#[tokio::test]
async fn a_test_says_what_effects_have_done() -> anyhow::Result<()> {
    let mut conn = SqliteConnection::connect("sqlite::memory:").await?;
    sqlx::query("CREATE TABLE orders (id INTEGER, charge TEXT, held INTEGER)").execute(&mut conn).await?;
    let recording = Recording::new();
    let charge = Completed(Charge { number: "ch-1".to_owned() });
    checkout(OrderPlaced { order: 7 }, charge, Completed(70), &mut conn, recording.outbox()).await?;
    let order: (i64, String, i64) = sqlx::query_as("SELECT * FROM orders").fetch_one(&mut conn).await?;
    assert_eq!(order, (7, "ch-1".to_owned(), 70));
    assert_eq!(recording.published::<BalanceChanged>(), [BalanceChanged { account: 7 }]);
    Ok(())
}

#[tokio::test]
async fn a_test_calls_an_effect_with_a_key() -> anyhow::Result<()> {
    let (mailer, key) = (Mailer::new(), IdempotencyKey::for_test("k"));
    send_receipt(Receipt { payment: Uuid::nil() }, key.clone(), State(mailer.clone())).await?;
    let sent = mailer.0.lock().expect("no panic before").clone();
    assert_eq!(sent, [format!("{} k", Uuid::nil())]);
    let charge = charge_card(ChargeRequest::from(&OrderPlaced { order: 7 }), key.clone()).await?;
    assert_eq!(charge, Charge { number: "7-k".to_owned() });
    assert_eq!(hold_stock(&Hold(7), Completed(charge), &key).await?, 70);
    Ok(())
}

/// One effect scheduled twice has to say which is which, or the provider takes both for one.
#[test]
fn a_recording_shows_what_would_not_commit() {
    let recording = Recording::new();
    let receipt = Receipt { payment: Uuid::nil() };
    recording.effects().schedule::<send_receipt>(&receipt);
    recording.effects().schedule_labelled::<send_receipt>("copy", &receipt);
    assert_eq!((recording.flaw(), recording.scheduled::<send_receipt>().len()), (None, 2));
    recording.effects().schedule::<send_receipt>(&receipt);
    assert!(recording.flaw().is_some_and(|flaw| flaw.contains(send_receipt::SPEC.name)));
}
