//! The database: from what the environment says to a store.

use std::fs;

use consumer::{
    StoreBuilder,
    runtime::{Secret, optional_secret},
};

use crate::{
    arguments::{Command, Database},
    problem::Problem,
    report::Report,
    run,
};

const URL: &str = "DATABASE_URL";
/// One session for the command, one for looking at the tables.
const CONNECTIONS: u32 = 2;

/// Runs a command on the storage that the scheme of the URL names.
pub async fn with(database: &Database, command: &Command) -> Result<Report, Problem> {
    let url = url(database)?;
    let scheme = url.split(':').next().unwrap_or_default();
    if database.schema.is_some() && !scheme.starts_with("postgres") {
        return Err(Problem::usage("--schema is for PostgreSQL alone; others have --table-prefix"));
    }
    match scheme {
        "postgres" | "postgresql" => postgres(&url, database, command).await,
        "mysql" | "mariadb" => mysql(&url, database, command).await,
        "sqlite" => sqlite(&url, database, command).await,
        _ => Err(Problem::usage(
            "the database URL begins with no scheme that is known here: postgres://, mysql:// or sqlite: is expected",
        )),
    }
}

fn url(database: &Database) -> Result<Secret, Problem> {
    let Some(path) = &database.database_url_file else {
        return optional_secret(URL)?.ok_or_else(|| {
            Problem::usage(format!(
                "no database: set {URL} or {URL}_FILE, or name a file that holds the URL with --database-url-file"
            ))
        });
    };
    let read = fs::read_to_string(path).map_err(|error| {
        Problem::usage(format!("--database-url-file names {}, which cannot be read: {error}", path.display()))
    })?;
    Ok(Secret::from(read.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Never creates a table.
fn configured<S>(builder: StoreBuilder<S>, database: &Database) -> StoreBuilder<S> {
    builder.table_prefix(&database.table_prefix).max_connections(CONNECTIONS).verify_only()
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str, database: &Database, command: &Command) -> Result<Report, Problem> {
    let mut builder = configured(consumer::PgStore::builder(), database);
    if let Some(schema) = &database.schema {
        builder = builder.schema(schema);
    }
    run(builder.connect(url).await?, command).await
}

#[cfg(feature = "mysql")]
async fn mysql(url: &str, database: &Database, command: &Command) -> Result<Report, Problem> {
    run(configured(consumer::MySqlStore::builder(), database).connect(url).await?, command).await
}

#[cfg(feature = "sqlite")]
async fn sqlite(url: &str, database: &Database, command: &Command) -> Result<Report, Problem> {
    let store = configured(consumer::SqliteStore::builder(), database).connect(&existing(url)).await?;
    run(store, command).await
}

/// A file that is not there is not created.
#[cfg(feature = "sqlite")]
fn existing(url: &str) -> String {
    match url {
        url if url.contains("mode=") => url.to_owned(),
        url if url.contains('?') => format!("{url}&mode=rw"),
        url => format!("{url}?mode=rw"),
    }
}

macro_rules! missing {
    ($($scheme:ident $feature:literal)*) => {$(
        #[cfg(not(feature = $feature))]
        async fn $scheme(_: &str, _: &Database, _: &Command) -> Result<Report, Problem> {
            Err(Problem::usage(concat!(
                "this build cannot talk to that database: build it with `--features cli,", $feature, "`"
            )))
        }
    )*};
}

missing!(postgres "postgres" mysql "mysql" sqlite "sqlite");
