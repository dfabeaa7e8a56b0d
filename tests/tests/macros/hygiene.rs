//! Generated code does not care what names mean where it lands.
#![deny(warnings)]
#![allow(dead_code, non_upper_case_globals, reason = "names that are in the way")]

use ::consumer as renamed;
use ::consumer::{Classify, Event, MySqlStore, consumer, sqlx::MySqlConnection};

mod std {}
mod core {}
mod serde_json {}

struct Result;
struct Option;
struct Vec;
struct Duration;
struct Handler;
struct Register;
struct Storage;
struct Connection;
struct S;
trait Extract {}

const cx: u8 = 0;
const tx: u8 = 0;
const param0: u8 = 0;
const registry: u8 = 0;
const needs: u8 = 0;
const event: u8 = 0;
const event_type: u8 = 0;
const data: u8 = 0;
const error: u8 = 0;
const cause: u8 = 0;

#[derive(::serde::Serialize, ::serde::Deserialize, Event)]
#[event(type = "hygiene", version = 1, crate = renamed)]
struct Clean {
    #[event(id)]
    id: ::std::string::String,
    #[event(key)]
    key: i64,
}

#[derive(Event)]
#[event(crate = self::renamed)]
enum Any {
    Clean(Clean),
}

#[derive(Debug, Classify)]
#[classify(crate = renamed)]
enum Dirty {
    #[classify(permanent)]
    None,
    #[classify(retry_after = "5m")]
    Some,
    Err {
        source: ::consumer::sqlx::Error,
    },
}

impl ::std::fmt::Display for Dirty {
    fn fmt(&self, _: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
        ::std::result::Result::Ok(())
    }
}

impl ::std::error::Error for Dirty {}

#[consumer(name = "hygiene", timeout = "5s", crate = renamed)]
async fn hygiene(
    _: Any,
    meta: &::consumer::Meta,
    conn: &mut MySqlConnection,
) -> ::std::result::Result<(), Dirty> {
    let _ = conn;
    match meta.attempt() {
        1 => ::std::result::Result::Err(Dirty::None),
        2 => ::std::result::Result::Err(Dirty::Some),
        3 => ::std::result::Result::Err(Dirty::Err { source: ::consumer::sqlx::Error::RowNotFound }),
        _ => ::std::result::Result::Ok(()),
    }
}

#[test]
fn it_compiles_and_wires() {
    let app = ::consumer::App::<MySqlStore>::new().register::<hygiene>();
    assert!(app.check().is_ok());
}
