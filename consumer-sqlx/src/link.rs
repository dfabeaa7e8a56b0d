//! One link of an error's chain, as sqlx made it.

use std::{error::Error as StdError, time::Duration};

use consumer_core::Class;
use sqlx::error::DatabaseError;

/// How long connecting to a server may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The server's own error, if this link is one.
///
/// It shows in two shapes: as the `sqlx::Error` around it, and, where a transparent error hides that one, as the boxed
/// trait object inside. It never shows as the driver's own type.
pub(crate) fn database_error<'a, E: DatabaseError>(link: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let boxed: &dyn DatabaseError = match link.downcast_ref() {
        Some(sqlx::Error::Database(boxed)) => &**boxed,
        Some(_) => return None,
        None => &**link.downcast_ref::<Box<dyn DatabaseError>>()?,
    };
    boxed.try_downcast_ref()
}

/// What sqlx itself says, where no server has said anything.
pub(crate) fn class(link: &(dyn StdError + 'static)) -> Option<Class> {
    match link.downcast_ref()? {
        // A statement that binds too few or too many values, which MySQL's driver notices before its server does.
        sqlx::Error::Protocol(text) if text.starts_with("prepared statement expected") => {
            Some(Class::DeployWrong)
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => Some(Class::ServerAway),
        _ => None,
    }
}
