//! What the tests of the handlers need: events, and a database nobody else sees.

use std::sync::Arc;

use consumer::{
    State,
    sqlx::{self, Connection},
};
use uuid::Uuid;

use crate::{
    event::{PaymentCaptured, PaymentRefunded},
    fraud::{Fraud, HouseRule},
    money::Cents,
    store::{self, Conn},
};

pub fn cents(cents: i64) -> Cents {
    Cents::try_from(cents).expect("an amount")
}

pub fn payment(amount: i64) -> PaymentCaptured {
    let (payment, card_country) = (Uuid::now_v7(), "NO".to_owned());
    PaymentCaptured { payment, merchant: 7, card_country, amount_cents: cents(amount) }
}

pub fn refund_of(payment: &PaymentCaptured, amount: i64) -> PaymentRefunded {
    PaymentRefunded { refund: Uuid::now_v7(), payment: payment.payment, amount_cents: cents(amount) }
}

pub fn fraud() -> State<Fraud> {
    State(Arc::new(HouseRule))
}

/// A connection to empty tables; `None` where the storage needs a server and no test may use one.
pub async fn conn() -> Option<Conn> {
    let url = url()?;
    let mut conn = Conn::connect(&url).await.expect("the database of the tests");
    let name = format!("t_{}", Uuid::now_v7().simple());
    for statement in alone(&name) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await.expect("a place of its own");
    }
    store::create_tables(&mut conn).await.expect("the tables");
    Some(conn)
}

#[cfg(not(any(feature = "postgres", feature = "mysql")))]
fn url() -> Option<String> {
    Some("sqlite::memory:".to_owned())
}

#[cfg(not(any(feature = "postgres", feature = "mysql")))]
fn alone(_: &str) -> Vec<String> {
    Vec::new()
}

#[cfg(feature = "postgres")]
fn url() -> Option<String> {
    need("CONSUMER_TEST_POSTGRES_URL")
}

#[cfg(feature = "postgres")]
fn alone(name: &str) -> Vec<String> {
    vec![format!("CREATE SCHEMA {name}"), format!("SET search_path TO {name}")]
}

#[cfg(all(feature = "mysql", not(feature = "postgres")))]
fn url() -> Option<String> {
    need("CONSUMER_TEST_MYSQL_URL")
}

#[cfg(all(feature = "mysql", not(feature = "postgres")))]
fn alone(name: &str) -> Vec<String> {
    vec![format!("CREATE DATABASE {name}"), format!("USE {name}")]
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn need(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        println!("skipped: `{variable}` is not set");
    }
    url
}
