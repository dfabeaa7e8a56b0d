//! What a handler may ask for.

use sqlx::{MySql, MySqlConnection, Transaction};

use super::{MySqlStore, MySqlUnit};
use crate::connection::Connection;

impl Connection for MySqlConnection {
    type Storage = MySqlStore;
    type Lent<'a, 's: 'a> = &'a mut MySqlConnection;

    fn lend<'a, 's: 'a>(tx: &'a mut MySqlUnit<'s>) -> &'a mut MySqlConnection {
        &mut tx.tx
    }
}

impl Connection for Transaction<'static, MySql> {
    type Storage = MySqlStore;
    type Lent<'a, 's: 'a> = &'a mut Transaction<'s, MySql>;

    fn lend<'a, 's: 'a>(tx: &'a mut MySqlUnit<'s>) -> &'a mut Transaction<'s, MySql> {
        &mut tx.tx
    }
}
