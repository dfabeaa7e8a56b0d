//! Every shape that a consumer can have, under the lints that a careful user denies.
#![deny(warnings, missing_docs, unreachable_pub, clippy::all)]

use std::{convert::Infallible, error::Error, io};

use consumer::{
    App, MySqlStore, PgStore, SqliteStore,
    handler::{Context, HandlerError, OneEvent},
    prelude::*,
    sqlx::{
        self, Connection as _, MySql, MySqlConnection, PgConnection, Postgres, Sqlite, SqliteConnection,
        Transaction,
    },
};

/// An event.
#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "order.placed", version = 1)]
pub struct Placed {
    /// A number.
    pub n: i64,
}

/// Another.
#[derive(Debug, PartialEq, Serialize, Deserialize, Event)]
#[event(type = "order.paid", version = 2)]
pub struct Paid(pub i64);

/// Both.
#[derive(Debug, PartialEq, Event)]
pub enum Order {
    /// The one.
    Placed(Placed),
    /// The other.
    Paid(Paid),
}

/// An extractor that borrows.
pub struct Tenant<'a>(pub &'a str);

impl<'a, In: OneEvent> Extract<'a, In> for Tenant<'a> {
    fn extract(cx: &'a Context) -> Result<Self, HandlerError> {
        Ok(Tenant(cx.meta().id()))
    }
}

/// A connection that a feature could choose.
pub type Conn = SqliteConnection;
/// A transaction, its database hidden.
pub type PgTx<'t> = Transaction<'t, Postgres>;
/// A return type without an argument.
pub type Done = Result<(), io::Error>;

/// A connection of PostgreSQL.
#[consumer(name = "pg-connection", queue = "orders", timeout = "500ms", aliases = ["pg", "postgres"])]
pub async fn pg_connection(event: Placed, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT $1").bind(event.n).execute(conn).await?;
    Ok(())
}

/// A transaction of PostgreSQL, with a savepoint of its own.
#[consumer(name = "pg-transaction")]
pub async fn pg_transaction(event: Placed, tx: &mut Transaction<'_, Postgres>) -> Result<(), sqlx::Error> {
    let mut nested = tx.begin().await?;
    sqlx::query("SELECT $1").bind(event.n).execute(&mut *nested).await?;
    nested.commit().await
}

/// An alias of it.
#[consumer(name = "pg-alias")]
pub async fn pg_alias(_: Placed, tx: &mut PgTx<'_>) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT 1").execute(&mut **tx).await.map(|_| ())
}

/// A connection of MySQL.
#[consumer(name = "mysql-connection")]
pub async fn mysql_connection(_: Placed, conn: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT 1").execute(conn).await.map(|_| ())
}

/// A transaction of MySQL.
#[consumer(name = "mysql-transaction")]
pub async fn mysql_transaction(_: Placed, tx: &mut Transaction<'_, MySql>) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT 1").execute(&mut **tx).await.map(|_| ())
}

/// An alias of a connection.
#[consumer(name = "sqlite-alias")]
pub async fn sqlite_alias(event: Order, conn: &mut Conn) -> Result<(), sqlx::Error> {
    let (Order::Placed(Placed { n }) | Order::Paid(Paid(n))) = event;
    sqlx::query("INSERT INTO orders VALUES (?)").bind(n).execute(conn).await?;
    Ok(())
}

/// A transaction, by its path.
#[consumer(name = "sqlite-transaction")]
pub async fn sqlite_transaction(
    _: Placed,
    tx: &mut sqlx::Transaction<'_, sqlx::Sqlite>,
) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT 1").execute(&mut **tx).await.map(|_| ())
}

/// The connection after and between extractors.
#[consumer(name = "any-order")]
pub async fn any_order(
    event: Placed,
    meta: &Meta,
    State(factor): State<i64>,
    conn: &mut SqliteConnection,
    Tenant(tenant): Tenant<'_>,
    State(length): State<fn(&str) -> usize>,
    owned: Meta,
) -> anyhow::Result<()> {
    anyhow::ensure!(tenant == meta.id() && length(tenant) > 0 && owned.attempt() == meta.attempt());
    sqlx::query("INSERT INTO orders VALUES (?)").bind(event.n * factor).execute(conn).await?;
    Ok(())
}

/// No connection: it can be registered with any storage.
#[consumer(name = "no-connection")]
pub async fn no_connection(Placed { n }: Placed) -> Result<(), Box<dyn Error + Send + Sync>> {
    if n < 0 { Err("negative".into()) } else { Ok(()) }
}

/// Nothing but the event, which it changes.
#[consumer(name = "mutable-event")]
pub async fn mutable_event(mut event: Placed) -> Done {
    event.n += 1;
    if event.n == 0 { Err(io::Error::other("zero")) } else { Ok(()) }
}

/// An error that cannot be.
#[consumer(name = "infallible")]
pub async fn infallible(_: Paid) -> Result<(), Infallible> {
    Ok(())
}

/// Our own error.
#[consumer(name = "own-error")]
pub async fn own_error(event: Placed) -> Result<(), HandlerError> {
    if event.n == 0 { Err(HandlerError::permanent("zero")) } else { Ok(()) }
}

/// A type of another name beside it, because the module has its own.
#[consumer(name = "renamed-type", as = RenamedType)]
pub async fn renamed_type(_: Placed) -> Done {
    renamed_type::done()
}

mod renamed_type {
    pub(super) fn done() -> super::Done {
        Ok(())
    }
}

/// Parameters that come and go.
#[consumer(name = "conditional-parameters")]
pub async fn conditional_parameters(
    event: Placed,
    #[cfg(not(test))] gone: NoSuchType,
    #[cfg(test)] meta: &Meta,
    #[allow(unused_variables)] State(unused): State<i64>,
) -> Done {
    if event.n.to_string() == meta.id() { Err(io::Error::other("same")) } else { Ok(()) }
}

/// A function that comes and goes.
#[consumer(name = "conditional-function")]
#[cfg(not(test))]
pub async fn conditional_function(_: NoSuchType) -> Done {
    Ok(())
}

/// The same through `cfg_attr`.
#[consumer(name = "conditional-attribute")]
#[cfg_attr(test, cfg(not(test)))]
pub async fn conditional_attribute(_: NoSuchType) -> Done {
    Ok(())
}

/// A function on its way out.
#[deprecated = "use `no_connection`"]
#[consumer(name = "deprecated")]
pub async fn on_its_way_out(_: Placed) -> Done {
    Ok(())
}

/// Another attribute below, which changes the function.
#[consumer(name = "instrumented")]
#[tracing::instrument(skip_all)]
pub async fn instrumented(event: Placed, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO orders VALUES (?)").bind(event.n).execute(conn).await?;
    Ok(())
}

/// And above.
#[tracing::instrument(skip_all)]
#[consumer(name = "instrumented-above")]
pub async fn instrumented_above(_: Placed) -> Done {
    Ok(())
}

/// A name that is a keyword.
#[consumer(name = "keyword")]
pub async fn r#loop(_: Placed) -> Done {
    Ok(())
}

macro_rules! consumers {
    ($($function:ident $name:literal $connection:ty;)*) => {$(
        /// Written by a macro.
        #[consumer(name = $name)]
        pub async fn $function(_: Placed, conn: &mut $connection) -> Result<(), sqlx::Error> {
            sqlx::query("SELECT 1").execute(conn).await.map(|_| ())
        }
    )*};
}

consumers! {
    from_a_macro "from-a-macro" SqliteConnection;
    from_a_macro_for_pg "from-a-macro-for-pg" PgConnection;
}

/// All that SQLite can run.
pub fn on_sqlite() -> App<SqliteStore> {
    #[consumer(name = "in-a-body")]
    async fn in_a_body(_: Placed, tx: &mut Transaction<'_, Sqlite>) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(&mut **tx).await.map(|_| ())
    }

    App::new()
        .state(2_i64)
        .state(str::len as fn(&str) -> usize)
        .register::<(sqlite_alias, sqlite_transaction, any_order, no_connection, mutable_event, infallible)>()
        .register::<(own_error, RenamedType, conditional_parameters, instrumented, instrumented_above)>()
        .register::<(r#loop, from_a_macro, in_a_body)>()
}

/// All that PostgreSQL can run.
pub fn on_postgres() -> App<PgStore> {
    App::new().register_with::<pg_connection>(|c| c.concurrency(2)).register::<(
        pg_transaction,
        pg_alias,
        no_connection,
        from_a_macro_for_pg,
    )>()
}

/// All that MySQL can run.
pub fn on_mysql() -> App<MySqlStore> {
    App::new().register::<(mysql_connection, mysql_transaction, no_connection)>()
}

#[tokio::test]
async fn the_function_stays_a_function() -> anyhow::Result<()> {
    let mut conn = SqliteConnection::connect("sqlite::memory:").await?;
    sqlx::query("CREATE TABLE orders (n INTEGER)").execute(&mut conn).await?;
    let meta = Meta::for_test("7").build();
    any_order(Placed { n: 3 }, &meta, State(2), &mut conn, Tenant("7"), State(str::len), meta.clone())
        .await?;
    sqlite_alias(Order::Paid(Paid(4)), &mut conn).await?;
    instrumented(Placed { n: 5 }, &mut conn).await?;
    let orders: Vec<i64> = sqlx::query_scalar("SELECT n FROM orders").fetch_all(&mut conn).await?;
    assert_eq!(orders, [6, 4, 5]);
    assert!(no_connection(Placed { n: -1 }).await.is_err());
    Ok(())
}
