//! Sessions: pinned connections of a storage.

use std::{
    error::Error as StdError,
    future::{self, Future},
};

use super::{StorageError, UnitLimits};
use crate::classify::Class;

/// A place that hands out pinned connections.
///
/// A session is as good as new after every call that succeeded. After a call that failed nobody knows what the connection
/// holds: drop the session and open another.
pub trait Sessions: Clone + Send + Sync + 'static {
    /// A pinned connection. Dropping it closes it, and with it whatever transaction is open, at the latest when the
    /// statement that the server is busy with has ended.
    type Session: Send + 'static;

    /// Opens a session whose units have these limits.
    fn open(&self, limits: UnitLimits) -> impl Future<Output = Result<Self::Session, StorageError>> + Send;

    /// Whether the database answers; what a paused worker asks before it goes on.
    fn ping(&self, session: &mut Self::Session) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Leaves a session alone for an unknown time: what a worker does when nothing waits for it.
    ///
    /// A storage that ends a unit and begins the next in one trip sends here what it has kept back, so that no session is idle
    /// in a transaction. Units may follow each other without it.
    fn rest(&self, _session: &mut Self::Session) -> impl Future<Output = Result<(), StorageError>> + Send {
        future::ready(Ok(()))
    }

    /// The class of one link of an error's chain, if it is this storage's and says one.
    fn classify(&self, error: &(dyn StdError + 'static)) -> Option<Class>;
}
