//! Why an event could not be published outside a handler.

use consumer_core::{Class, Error, outbox::Unwritable};

/// No broker takes it.
pub(crate) fn unpublishable(cause: Unwritable) -> Error {
    Error::unpublishable(cause.to_string())
}

/// The database did not take it.
pub(crate) fn unwritten(class: Option<Class>, cause: sqlx::Error) -> Error {
    let error = match class {
        Some(Class::DeployWrong) => Error::schema(
            "the event cannot be written to the outbox: its tables are missing or older than this version, or the role may \
             not write to them",
        ),
        Some(Class::Permanent) => Error::unpublishable(
            "the event cannot be written to the outbox: the database refuses a value of it",
        ),
        _ => Error::unavailable(
            "the event was not written to the outbox: roll the transaction back, and run it again if it may succeed then",
        ),
    };
    error.because(cause)
}
