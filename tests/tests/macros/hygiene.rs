//! Generated code does not care what names mean where it lands.
#![deny(warnings)]
#![allow(dead_code, non_upper_case_globals, reason = "names that are in the way")]

use ::consumer as renamed;
use ::consumer::{Classify, Event, MySqlStore, consumer, effect, sqlx::MySqlConnection};

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
struct Effect;
struct Effects;
struct Performed;
struct Resolution;
struct CallOf;
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
const payload: u8 = 0;
const output: u8 = 0;
const done: u8 = 0;
const effects: u8 = 0;
const resolution: u8 = 0;

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

#[effect(
    name = "hygiene",
    timeout = "5s",
    resolve = find,
    compensate = undo,
    on_failure = self::told,
    crate = renamed,
)]
async fn lasting(
    _: i64,
    _: &::consumer::effect::IdempotencyKey,
    meta: ::consumer::Meta,
) -> ::std::result::Result<i64, Dirty> {
    match meta.attempt() {
        1 => ::std::result::Result::Err(Dirty::None),
        _ => ::std::result::Result::Ok(1),
    }
}

async fn find(
    _: i64,
    _: ::consumer::Meta,
) -> ::std::result::Result<::consumer::handler::Resolution<i64>, Dirty> {
    ::std::result::Result::Ok(::consumer::handler::Resolution::Unknown)
}

#[derive(::serde::Serialize, ::serde::Deserialize)]
struct Undone;

impl ::std::convert::From<&::consumer::handler::Performed<i64, i64>> for Undone {
    fn from(_: &::consumer::handler::Performed<i64, i64>) -> Undone {
        Undone
    }
}

#[effect(name = "undo", unkeyed, crate = self::renamed)]
async fn undo(_: &Undone) -> ::std::result::Result<(), Dirty> {
    ::std::result::Result::Ok(())
}

#[consumer(name = "told")]
async fn told(_: ::consumer::handler::Failed<i64>) -> ::std::result::Result<(), Dirty> {
    ::std::result::Result::Ok(())
}

#[test]
fn it_compiles_and_wires() {
    let app = ::consumer::App::<MySqlStore>::new().register::<(hygiene, lasting, undo, told)>();
    assert!(app.check().is_ok());
}
