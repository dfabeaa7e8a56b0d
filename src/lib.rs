//! Idempotent RabbitMQ consumers: the claim of an event and your writes share one database transaction.

#[cfg(feature = "macros")]
pub use consumer_macros::{Classify, Event, consumer};
#[doc(inline)]
pub use consumer_core::{
    App, Broker, Class, Classify, Error, Event, Meta, Result, State, Storage, Verdict, broker, classify, error, event,
    handler, message, retry, storage, telemetry,
};
#[doc(inline)]
pub use consumer_core::{memory, runtime, testing};
pub use sqlx;

/// What most handlers need, in one `use`.
pub mod prelude {
    #[cfg(feature = "macros")]
    pub use consumer_macros::{Classify, Event, consumer};
    pub use consumer_core::{App, Classify, Event, Meta, State, handler::Extract};
    pub use serde::{Deserialize, Serialize};
}

/// What generated code names. No part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use consumer_core::{
        classify::{Classify, Verdict},
        event::{DecodeError, EncodeError, Event, EventType, decode_json, encode_json, join},
        handler::{ConsumerSpec, Context, Extract, Handler, HandlerError, Needs, Register, Registry, via},
        storage::{Connection, Storage},
    };
    pub use std;
}
