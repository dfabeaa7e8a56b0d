//! Idempotent RabbitMQ consumers: the claim of an event and your writes share one database transaction.
//!
//! A handler is a plain `async fn` under [`#[consumer]`](consumer); its event is a struct under
//! [`#[derive(Event)]`](derive@Event). An [`App`] holds the handlers, a [`Runtime`] runs it on a storage and a broker:
//!
#![cfg_attr(all(feature = "macros", feature = "sqlite"), doc = "```")]
#![cfg_attr(not(all(feature = "macros", feature = "sqlite")), doc = "```text")]
//! use consumer::{SqliteStore, memory::MemoryBroker, prelude::*, sqlx::{self, SqliteConnection}};
//!
//! #[derive(Serialize, Deserialize, Event)]
//! #[event(type = "payment.captured", version = 1)]
//! struct PaymentCaptured {
//!     payment: String,
//!     cents: i64,
//! }
//!
//! #[consumer(name = "ledger")]
//! async fn record_payment(event: PaymentCaptured, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
//!     sqlx::query("INSERT INTO payments (id, cents) VALUES (?, ?)")
//!         .bind(event.payment)
//!         .bind(event.cents)
//!         .execute(conn)
//!         .await?;
//!     Ok(())
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let url = format!("sqlite://{}", folder.path().join("example.db").display());
//! let store = SqliteStore::connect(&url).await?;
//! let app = App::new().register::<record_payment>();
//! app.check()?;
//! let runtime = consumer::Runtime::new(store, MemoryBroker::new());
//! runtime.run(app).until(async { /* a signal */ }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! **`Ok` = decided, `Err` = could not decide.** What a handler returns `Ok` for is committed with its claim, a business
//! rejection included; an error rolls back, is tried again by its [class](Class), and ends in the dead-letter queue.
//!
//! # Features
//!
//! All are additive; every combination builds.
//!
//! | feature | what it adds |
//! |---|---|
//! | `macros` (default) | the macros |
//! | `rabbitmq` (default) | `RabbitMq`, on lapin; without it only [`memory::MemoryBroker`] is there |
//! | `sqlite` (default), `postgres`, `mysql` | `SqliteStore`, `PgStore`, `MySqlStore`; the connection in a handler's signature picks one |
//! | `http` | `http::Provider`: effects over HTTP, with idempotency keys |
//! | `cli` | the binary `consumer`, for what waits for a person |
//! | `tls-native-tls`, `tls-rustls-aws-lc-rs`, `tls-rustls-ring-webpki`, `tls-rustls-ring-native-roots` | TLS to the database, under sqlx's names; without one only plaintext |
//! | `native-tls`, `openssl`, `rustls--aws_lc_rs`, `rustls--ring` | TLS to RabbitMQ (`amqps://`), under lapin's names |
//! | `rustls-native-certs`, `rustls-platform-verifier`, `rustls-webpki-roots-certs` | which roots a rustls choice of lapin's trusts |
//! | `http-rustls`, `http-native-tls` | TLS to providers (`https://`), under reqwest's names |
//!
//! # Semver
//!
//! [`sqlx`] 0.9 is part of the public interface and re-exported: a new major version of it is a new major version of this
//! crate. The minimum supported Rust version is 1.94, sqlx's own. What `#[doc(hidden)]` hides is for generated code alone.

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "rabbitmq")]
pub mod rabbitmq;

#[doc(inline)]
pub use consumer_core::{
    App, Broker, Class, Classify, Error, Event, Meta, Result, Runtime, State, Storage, Verdict, broker,
    circuit, classify, departures, doctor, effect, error, event, failure, handler, message, operate, outbox,
    retry, storage, telemetry,
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
#[cfg(feature = "macros")]
#[doc = include_str!("macros/effect.md")]
pub use consumer_macros::effect;
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
    pub use consumer_core::{
        App, Classify, Event, Meta, State,
        effect::IdempotencyKey,
        handler::{
            Batch, BatchEffects, BatchFailures, BatchOutbox, Completed, Effects, Extract, Outbox, Recording,
            RequestBody,
        },
        outbox::Route,
    };
    #[cfg(feature = "macros")]
    pub use consumer_macros::{Classify, Event, consumer, effect};
    pub use serde::{Deserialize, Serialize};
}

/// What generated code names. No part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use consumer_core::{
        classify::{Classify, Verdict, cause},
        effect::EffectSpec,
        event::{DecodeError, EncodeError, Event, EventType, Text, decode_json, encode_json, join},
        handler::{
            BatchFailures, CallOf, ConsumerSpec, Consumes, Context, Effect, Effects, Extract, Failed,
            Handler, HandlerError, Needs, Performed, Register, Registry, Resolution, referred, resolve, via,
        },
        storage::Storage,
    };
    pub use consumer_sqlx::{Connection, lending};
    pub use std;
}

/// The pages of the repository, so that their code compiles.
#[cfg(all(doctest, feature = "macros", feature = "postgres", feature = "rabbitmq", feature = "sqlite"))]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/adopting.md")]
    struct Adopting;
    #[doc = include_str!("../docs/batches.md")]
    struct Batches;
    #[doc = include_str!("../docs/dead_letters.md")]
    struct DeadLetters;
    #[doc = include_str!("../docs/debezium.md")]
    struct Debezium;
    #[doc = include_str!("../docs/effects.md")]
    struct Effects;
    #[doc = include_str!("../docs/failing.md")]
    struct Failing;
    #[doc = include_str!("../docs/guarantees.md")]
    struct Guarantees;
    #[doc = include_str!("../docs/operating.md")]
    struct Operating;
    #[doc = include_str!("../docs/outbox.md")]
    struct Outbox;
    #[doc = include_str!("../docs/renaming.md")]
    struct Renaming;
    #[doc = include_str!("../docs/sizing.md")]
    struct Sizing;
}
