//! What the binary does not do, and what it says instead.

use std::fs;

use tempfile::TempDir;

use crate::said::{Said, consumer};

const LIST: [&str; 2] = ["outbox", "list"];

fn with_url(url: &str) -> Said {
    consumer().env("DATABASE_URL", url).args(LIST).output().expect("it runs").into()
}

#[test]
fn no_database_is_created() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("missing.db");
    let said = with_url(&format!("sqlite://{}", file.display()));
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(!file.exists());
}

#[tokio::test]
async fn no_table_is_created() {
    let folder = TempDir::new().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("empty.db").display());
    let pool = consumer::sqlx::SqlitePool::connect(&format!("{url}?mode=rwc")).await.expect("a file");
    let said = with_url(&url);
    assert_eq!(said.code, 3, "{}", said.err);
    let tables: i64 = consumer::sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema")
        .fetch_one(&pool)
        .await
        .expect("a count");
    assert_eq!(tables, 0);
}

#[test]
fn without_a_database_it_says_how_to_name_one() {
    let said: Said = consumer().args(LIST).output().expect("it runs").into();
    assert_eq!(said.code, 2);
    assert!(said.err.contains("--database-url-file") && said.err.contains("DATABASE_URL"), "{}", said.err);
}

#[test]
fn a_file_names_the_database() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("url");
    fs::write(&file, "oracle://user:canary@host/db\n").expect("written");
    let said: Said =
        consumer().arg("--database-url-file").arg(&file).args(LIST).output().expect("it runs").into();
    assert_eq!(said.code, 2);
    assert!(said.err.contains("postgres://, mysql:// or sqlite:"), "{}", said.err);
    assert!(!said.err.contains("canary"), "{}", said.err);
}

#[test]
fn a_password_is_never_shown() {
    for url in ["postgres://bob:canary@127.0.0.1:1/db", "mysql://bob:canary@127.0.0.1:1/db", "canary"] {
        let said = with_url(url);
        assert!(said.code == 2 || said.code == 3, "{}", said.code);
        assert!(!said.err.contains("canary") && !said.out.contains("canary"), "{} {}", said.out, said.err);
    }
}

#[test]
fn a_schema_is_refused_where_there_is_none() {
    let said: Said = consumer()
        .env("DATABASE_URL", "sqlite:any.db")
        .args(["--schema", "acme"])
        .args(LIST)
        .output()
        .expect("it runs")
        .into();
    assert!(said.code == 2 && said.err.contains("--table-prefix"), "{}", said.err);
}
