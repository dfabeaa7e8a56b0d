//! A connection that is borrowed from a pool, which may be the application's.

use std::ops::{Deref, DerefMut};

use sqlx::{Database, Pool, pool::PoolConnection};

/// It is closed when it is dropped: whoever gives up half way may leave a transaction or a lock on it.
pub(crate) struct Borrowed<DB: Database> {
    conn: PoolConnection<DB>,
    is_clean: bool,
}

impl<DB: Database> Borrowed<DB> {
    pub(crate) async fn from(pool: &Pool<DB>) -> Result<Self, sqlx::Error> {
        Ok(Self { conn: pool.acquire().await?, is_clean: false })
    }

    /// Gives it back, for the next one to use: all has ended that was begun on it, and nothing was set.
    pub(crate) fn give_back(mut self) {
        self.is_clean = true;
    }
}

impl<DB: Database> Deref for Borrowed<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        &self.conn
    }
}

impl<DB: Database> DerefMut for Borrowed<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.conn
    }
}

impl<DB: Database> Drop for Borrowed<DB> {
    fn drop(&mut self) {
        if !self.is_clean {
            self.conn.close_on_drop();
        }
    }
}
