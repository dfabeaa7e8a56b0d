//! The database: from what the environment says to a store.

use consumer::StoreBuilder;

use crate::{
    arguments::{Arguments, Database},
    problem::Problem,
    report::Report,
    run, secret,
};

/// One session for the command, one for looking at the tables.
const CONNECTIONS: u32 = 2;

/// Runs a command on the storage that the scheme of the URL names.
pub async fn with(arguments: &Arguments) -> Result<Report, Problem> {
    let database = &arguments.database;
    let url = secret::read(secret::DATABASE, database.database_url_file.as_deref())?;
    let scheme = url.split(':').next().unwrap_or_default();
    if database.schema.is_some() && !scheme.starts_with("postgres") {
        return Err(Problem::usage("--schema is for PostgreSQL alone; others have --table-prefix"));
    }
    match scheme {
        "postgres" | "postgresql" => postgres(&url, arguments).await,
        "mysql" | "mariadb" => mysql(&url, arguments).await,
        "sqlite" => sqlite(&url, arguments).await,
        _ => Err(Problem::usage(
            "the database URL begins with no scheme that is known here: postgres://, mysql:// or sqlite: is expected",
        )),
    }
}

/// Never creates a table.
fn configured<S>(builder: StoreBuilder<S>, database: &Database) -> StoreBuilder<S> {
    builder.table_prefix(&database.table_prefix).max_connections(CONNECTIONS).verify_only()
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str, arguments: &Arguments) -> Result<Report, Problem> {
    let mut builder = configured(consumer::PgStore::builder(), &arguments.database);
    if let Some(schema) = &arguments.database.schema {
        builder = builder.schema(schema);
    }
    run(builder.connect(url).await?, arguments).await
}

#[cfg(feature = "mysql")]
async fn mysql(url: &str, arguments: &Arguments) -> Result<Report, Problem> {
    let builder = configured(consumer::MySqlStore::builder(), &arguments.database);
    run(builder.connect(url).await?, arguments).await
}

#[cfg(feature = "sqlite")]
async fn sqlite(url: &str, arguments: &Arguments) -> Result<Report, Problem> {
    let builder = configured(consumer::SqliteStore::builder(), &arguments.database);
    run(builder.connect(&existing(url)).await?, arguments).await
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
        async fn $scheme(_: &str, _: &Arguments) -> Result<Report, Problem> {
            Err(Problem::usage(concat!(
                "this build cannot talk to that database: build it with `--features cli,", $feature, "`"
            )))
        }
    )*};
}

missing!(postgres "postgres" mysql "mysql" sqlite "sqlite");
