//! What a handler may ask for.

use sqlx::{Sqlite, SqliteConnection, Transaction};

use super::{SqliteStore, SqliteUnit};
use crate::connection::Connection;

impl Connection for SqliteConnection {
    type Storage = SqliteStore;
    type Lent<'a, 's: 'a> = &'a mut SqliteConnection;

    fn lend<'a, 's: 'a>(tx: &'a mut SqliteUnit<'s>) -> &'a mut SqliteConnection {
        &mut tx.tx
    }
}

impl Connection for Transaction<'static, Sqlite> {
    type Storage = SqliteStore;
    type Lent<'a, 's: 'a> = &'a mut Transaction<'s, Sqlite>;

    fn lend<'a, 's: 'a>(tx: &'a mut SqliteUnit<'s>) -> &'a mut Transaction<'s, Sqlite> {
        &mut tx.tx
    }
}
