//! What a handler may ask for.

use sqlx::{PgConnection, Postgres, Transaction};

use super::{PgStore, PgUnit};
use crate::connection::Connection;

impl Connection for PgConnection {
    type Storage = PgStore;
    type Lent<'a, 's: 'a> = &'a mut PgConnection;

    fn lend<'a, 's: 'a>(tx: &'a mut PgUnit<'s>) -> &'a mut PgConnection {
        &mut tx.tx
    }
}

impl Connection for Transaction<'static, Postgres> {
    type Storage = PgStore;
    type Lent<'a, 's: 'a> = &'a mut Transaction<'s, Postgres>;

    fn lend<'a, 's: 'a>(tx: &'a mut PgUnit<'s>) -> &'a mut Transaction<'s, Postgres> {
        &mut tx.tx
    }
}
