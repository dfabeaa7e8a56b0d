//! A place of its own for the tables of a test.

use consumer::{SqliteStore, Storage};
use tempfile::TempDir;

/// A store with tables, and how the binary finds it.
pub struct Place<S> {
    pub store: S,
    pub url: String,
    pub options: Vec<String>,
    _folder: Option<TempDir>,
}

pub async fn sqlite() -> Place<SqliteStore> {
    let folder = TempDir::new().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let store = SqliteStore::connect(&url).await.expect("a file");
    store.prepare().await.expect("tables");
    Place { store, url, options: Vec::new(), _folder: Some(folder) }
}

#[cfg(feature = "postgres")]
pub async fn postgres() -> Option<Place<consumer::PgStore>> {
    let (url, name) = (server("CONSUMER_TEST_POSTGRES_URL")?, unique());
    let store = consumer::PgStore::builder()
        .schema(&name)
        .max_connections(4)
        .connect(&url)
        .await
        .expect("the server");
    store.prepare().await.expect("tables");
    Some(Place { store, url, options: vec!["--schema".to_owned(), name], _folder: None })
}

#[cfg(feature = "mysql")]
pub async fn mysql() -> Option<Place<consumer::MySqlStore>> {
    let (url, name) = (server("CONSUMER_TEST_MYSQL_URL")?, format!("{}_", unique()));
    let builder = consumer::MySqlStore::builder().table_prefix(&name).max_connections(4);
    let store = builder.connect(&url).await.expect("the server");
    store.prepare().await.expect("tables");
    Some(Place { store, url, options: vec!["--table-prefix".to_owned(), name], _folder: None })
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn server(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        println!("skipped: `{variable}` is not set");
    }
    url
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn unique() -> String {
    format!("cli_{}", &uuid::Uuid::new_v4().simple().to_string()[..16])
}
