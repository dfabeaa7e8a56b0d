//! Every shape of a consumer of several events; each is called by its test as it is written.
#![deny(warnings, missing_docs, unreachable_pub, clippy::all)]

use std::io;

use consumer::{
    App, SqliteStore,
    event::Event as _,
    handler::{Consumes as _, HandlerError, Item},
    prelude::*,
    sqlx::{self, Connection as _, QueryBuilder, SqliteConnection, Transaction},
};

use super::{
    effects::{Charge, charge, charge_failed, refund},
    events::{Captured, Closed, Outer},
    shapes::{Order, Paid, Placed},
};

/// A failure of one event.
#[derive(Debug, PartialEq, thiserror::Error, Classify)]
pub enum Refused {
    /// For good.
    #[error("nothing was ordered")]
    #[classify(permanent)]
    Nothing,
}

/// An alias, which hides that it is a batch.
pub type Orders = Batch<Order>;
/// A return type without an argument.
pub type Sorted = Result<BatchFailures<io::Error>, io::Error>;

/// One statement for all; what is refused is left out.
#[consumer(name = "in-bulk", batch = 256)]
pub async fn in_bulk(
    events: Batch<Placed>,
    conn: &mut SqliteConnection,
    outbox: BatchOutbox<'_>,
    effects: BatchEffects<'_>,
    State(factor): State<i64>,
) -> Result<BatchFailures<Refused>, sqlx::Error> {
    let mut failures = BatchFailures::new();
    for item in &events {
        match item.event.n {
            0 => failures.fail(item, Refused::Nothing),
            n => {
                outbox.of(item).publish(&Paid(n * factor));
                effects.of(item).schedule::<charge>(&Charge { cents: n });
            }
        }
    }
    let decided: Vec<_> = events.into_iter().filter(|item| !failures.has(item)).collect();
    if decided.is_empty() {
        return Ok(failures);
    }
    QueryBuilder::new("INSERT INTO orders ")
        .push_values(decided, |mut row, Item { event, .. }| {
            row.push_bind(event.n);
        })
        .build()
        .execute(conn)
        .await?;
    Ok(failures)
}

/// An error of all, a transaction, an alias.
#[consumer(name = "of-an-alias")]
pub async fn of_an_alias(
    events: Orders,
    tx: &mut Transaction<'_, sqlx::Sqlite>,
    outbox: BatchOutbox<'_>,
) -> anyhow::Result<()> {
    for item in events {
        outbox.of(&item).publish(&item.event);
        sqlx::query("INSERT INTO orders VALUES (?)").bind(item.meta().id()).execute(&mut **tx).await?;
    }
    Ok(())
}

/// No connection; errors of `std`, behind an alias.
#[consumer(name = "sorts")]
pub async fn sorts(events: Batch<Placed>) -> Sorted {
    let mut failures = BatchFailures::new();
    events.iter().filter(|item| item.event.n < 0).for_each(|item| failures.fail(item, io::ErrorKind::Other));
    Ok(failures)
}

/// Any error for one event, another one for all.
#[consumer(name = "any-error", batch = 1)]
pub async fn any_error(events: Batch<Placed>) -> Result<BatchFailures<anyhow::Error>, HandlerError> {
    let mut failures = BatchFailures::default();
    for item in &events {
        failures.fail(item, anyhow::anyhow!("nobody knows {}", item.event.n));
    }
    Ok(failures)
}

/// Errors made on the spot.
#[consumer(name = "own-failures")]
pub async fn own_failures(events: Batch<Placed>) -> Result<BatchFailures, sqlx::Error> {
    let mut failures = BatchFailures::new();
    events.iter().for_each(|item| failures.fail(item, HandlerError::permanent("no")));
    Ok(failures)
}

/// One event for the function, several for its transaction.
#[consumer(name = "unnoticed", batch = 64)]
pub async fn unnoticed(event: Placed, conn: &mut SqliteConnection, meta: &Meta) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO orders VALUES (?)").bind(event.n).execute(conn).await?;
    drop(meta.clone());
    Ok(())
}

fn app() -> App<SqliteStore> {
    App::new()
        .state(2_i64)
        .state("a tenant's")
        .register::<(in_bulk, of_an_alias, sorts, any_error, own_failures, unnoticed)>()
        .register::<(charge, refund, charge_failed)>()
}

async fn orders() -> Result<SqliteConnection, sqlx::Error> {
    let mut conn = SqliteConnection::connect("sqlite::memory:").await?;
    sqlx::query("CREATE TABLE orders (n)").execute(&mut conn).await?;
    Ok(conn)
}

#[tokio::test]
async fn a_test_calls_a_handler_of_a_batch_and_sees_which_events_failed() -> anyhow::Result<()> {
    let (mut conn, recording) = (orders().await?, Recording::new());
    let events = Batch::for_test([3, 0, 3, 4].map(|n| Placed { n }));
    let failures =
        in_bulk(events, &mut conn, recording.batch_outbox(), recording.batch_effects(), State(2)).await?;
    assert_eq!(failures.iter().collect::<Vec<_>>(), [(1, &Refused::Nothing)]);
    let written: Vec<i64> = sqlx::query_scalar("SELECT n FROM orders").fetch_all(&mut conn).await?;
    assert_eq!(written, [3, 3, 4]);
    assert_eq!(recording.published::<Paid>(), [Paid(6), Paid(6), Paid(8)]);
    assert_eq!(recording.scheduled::<charge>().len(), 3);
    assert_eq!(recording.flaw(), None, "two events schedule the same effect, each for itself");
    Ok(())
}

#[tokio::test]
async fn each_event_of_a_batch_has_the_envelope_that_a_test_gives_it() -> anyhow::Result<()> {
    let (mut conn, recording) = (orders().await?, Recording::new());
    let event = |id: &str, n| (Meta::for_test(id).build(), Order::Paid(Paid(n)));
    let mut tx = conn.begin().await?;
    of_an_alias(Batch::for_test_with([event("a", 1), event("b", 2)]), &mut tx, recording.batch_outbox())
        .await?;
    tx.commit().await?;
    let ids: Vec<String> = sqlx::query_scalar("SELECT n FROM orders").fetch_all(&mut conn).await?;
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(recording.published::<Paid>(), [Paid(1), Paid(2)]);
    Ok(())
}

#[tokio::test]
async fn an_event_may_fail_with_any_error_of_a_handler() -> anyhow::Result<()> {
    let events = || Batch::for_test([Placed { n: -1 }, Placed { n: 1 }]);
    assert_eq!(sorts(events()).await?.len(), 1);
    assert_eq!(any_error(events()).await.map_err(|error| anyhow::anyhow!("{error}"))?.len(), 2);
    assert_eq!(own_failures(events()).await?.len(), 2);
    let mut conn = orders().await?;
    unnoticed(Placed { n: 1 }, &mut conn, &Meta::for_test("1").build()).await?;
    Ok(())
}

#[test]
fn a_batch_is_as_large_as_it_says_and_64_where_it_does_not() -> consumer::Result<()> {
    assert_eq!(in_bulk::SPEC.batch, 256);
    assert_eq!(of_an_alias::SPEC.batch, 64);
    assert_eq!(any_error::SPEC.batch, 1);
    assert_eq!(unnoticed::SPEC.batch, 64);
    assert_eq!(super::shapes::no_connection::SPEC.batch, 1);
    app().check()
}

#[test]
fn an_event_is_keyed_if_one_of_its_fields_or_variants_is() {
    assert_eq!([Captured::KEYED, Closed::KEYED, Outer::KEYED], [true; 3]);
    assert_eq!([Placed::KEYED, Order::KEYED], [false; 2]);
}
