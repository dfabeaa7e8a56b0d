//! The password, which no text of ours shows.

use consumer_core::{Error, error::Chain};
use consumer_sqlx::{mysql::MySqlStore, postgres::PgStore};
use tracing::level_filters::LevelFilter;

use crate::log::Log;

const CANARY: &str = "CaNaRy";

/// Every URL that a user can get wrong, with the password in each place where it can end up.
fn urls(scheme: &str) -> Vec<String> {
    let host = "127.0.0.1:1";
    vec![
        format!("{scheme}://app:{CANARY}@{host}/shop"),
        format!("{scheme}://app:{CANARY}@/shop"),
        format!("{scheme}://app:{CANARY}@{host}:x/shop"),
        format!("{scheme}://app:x/{CANARY}@{host}/shop"),
        format!("{scheme}://app:x?{CANARY}@{host}/shop"),
        format!("{scheme}://app:x#{CANARY}@{host}/shop"),
        format!("{scheme}://app:x@{CANARY}@{host}/shop"),
        format!("{scheme}://app:{CANARY}@{host}/shop?sslmode={CANARY}"),
        format!("{scheme}:/app:{CANARY}@{host}/shop"),
        format!("app:{CANARY}@{host}/shop"),
    ]
}

fn assert_silent(what: &str, url: &str, text: &str) {
    assert!(!text.contains(CANARY), "{what} of {} shows the password: {text}", url.replace(CANARY, "…"));
}

fn assert_error_silent(url: &str, error: &Error) {
    assert_silent("Display", url, &error.to_string());
    assert_silent("Debug", url, &format!("{error:?} {error:#?}"));
    assert_silent("the chain", url, &Chain(error).to_string());
    assert!(error.is_settings() || error.is_unavailable() || error.is_refused(), "{error:?}");
}

#[tokio::test]
async fn no_error_of_connecting_shows_the_password() {
    let (log, _guard) = Log::start(LevelFilter::TRACE);
    for url in urls("postgres") {
        assert_error_silent(&url, &PgStore::connect(&url).await.expect_err("nobody listens there"));
    }
    for url in urls("mysql") {
        assert_error_silent(&url, &MySqlStore::connect(&url).await.expect_err("nobody listens there"));
    }
    assert_silent("the log", "them all", &log.text());
}

#[tokio::test]
async fn no_store_shows_the_password() {
    let url = format!("postgres://app:{CANARY}@localhost:1/shop");
    let pool = sqlx::PgPool::connect_lazy(&url).expect("a pool that connects later");
    let store = PgStore::from_pool(pool);
    assert_silent("a store", &url, &format!("{store:?} {}", consumer_core::Storage::describe(&store)));
    let url = format!("mysql://app:{CANARY}@localhost:1/shop");
    let pool = sqlx::MySqlPool::connect_lazy(&url).expect("a pool that connects later");
    let store = MySqlStore::from_pool(pool);
    assert_silent("a store", &url, &format!("{store:?} {}", consumer_core::Storage::describe(&store)));
}

#[tokio::test]
async fn an_error_of_connecting_names_place_and_remedy() {
    let error =
        PgStore::connect("postgres://app:x@127.0.0.1:1/shop").await.expect_err("nobody listens there");
    assert!(error.is_unavailable());
    assert!(error.to_string().contains("127.0.0.1:1/shop") && error.to_string().contains("check"), "{error}");
    let error = MySqlStore::connect("mysql://app:x@127.0.0.1:1").await.expect_err("no database is named");
    assert!(error.is_settings(), "{error}");
}
