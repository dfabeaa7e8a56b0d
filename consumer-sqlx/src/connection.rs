//! The connection types that a handler may ask for.

use consumer_core::Storage;

/// A connection type that a handler may ask for; it picks the storage.
///
/// It stands here and not beside [`Storage`], because only the crate that owns the trait can implement it for the
/// connections of sqlx. A storage of your own implements it for a connection type of your own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a connection of a storage",
    label = "expected the connection that holds the claim",
    note = "take `&mut PgConnection`, `&mut MySqlConnection` or `&mut SqliteConnection`, or the transaction, such as \
            `&mut Transaction<'_, Postgres>`; a pool would open a second transaction that knows nothing of the claim"
)]
pub trait Connection {
    /// The storage it belongs to.
    type Storage: Storage;
    /// What the handler receives.
    type Lent<'a, 's: 'a>;
    /// Lends it out of a unit's transaction.
    fn lend<'a, 's: 'a>(tx: &'a mut <Self::Storage as Storage>::Tx<'s>) -> Self::Lent<'a, 's>;
}
