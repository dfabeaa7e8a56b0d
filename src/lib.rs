//! Idempotent RabbitMQ consumers: the claim of an event and your writes share one database transaction.

#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;

#[doc(inline)]
pub use consumer_core::{
    App, Broker, Class, Classify, Error, Event, Meta, Result, Runtime, State, Storage, Verdict, broker,
    classify, error, event, handler, message, retry, storage, telemetry,
};
#[doc(inline)]
pub use consumer_core::{memory, runtime, testing};
#[cfg(feature = "macros")]
#[doc = include_str!("macros/classify.md")]
pub use consumer_macros::Classify;
#[cfg(feature = "macros")]
#[doc = include_str!("macros/event.md")]
pub use consumer_macros::Event;
#[cfg(feature = "macros")]
#[doc = include_str!("macros/consumer.md")]
pub use consumer_macros::consumer;
#[cfg(feature = "mysql")]
#[doc(inline)]
pub use consumer_sqlx::mysql::{self, MySqlStore};
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use consumer_sqlx::postgres::{self, PgStore};
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use consumer_sqlx::sqlite::{self, SqliteStore};
#[doc(inline)]
pub use consumer_sqlx::{Connection, StoreBuilder};
#[cfg(feature = "rabbitmq")]
pub use rabbitmq::RabbitMq;
pub use sqlx;

/// What most handlers need, in one `use`.
pub mod prelude {
    pub use consumer_core::{App, Classify, Event, Meta, State, handler::Extract};
    #[cfg(feature = "macros")]
    pub use consumer_macros::{Classify, Event, consumer};
    pub use serde::{Deserialize, Serialize};
}

/// What generated code names. No part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use consumer_core::{
        classify::{Classify, Verdict, cause},
        event::{DecodeError, EncodeError, Event, EventType, Text, decode_json, encode_json, join},
        handler::{ConsumerSpec, Context, Extract, Handler, HandlerError, Needs, Register, Registry, via},
        storage::Storage,
    };
    pub use consumer_sqlx::{Connection, lending};
    pub use std;
}
