//! A consumer of what an outlet publishes, which takes effect in the same database.

use std::{future::pending, time::Duration};

use consumer::{
    App, MySqlStore, PgStore, RabbitMq, Runtime, SqliteStore, handler::ConsumerConfig, outbox::Relay,
    prelude::*, runtime::RuntimeHandle, sqlx,
};
use tokio::task::JoinHandle;

use crate::{
    business::Business,
    outlet::{Noted, Outlet},
    wait,
};

/// How long consumers take to start on a busy machine.
const START: Duration = Duration::from_secs(60);

/// A store with a consumer of [`Noted`], which is called `downstream`.
pub trait Downstream: Outlet {
    /// Registers it with the queue that it reads.
    fn downstream(app: App<Self>, queue: &str) -> App<Self>;
}

macro_rules! downstream {
    ($name:ident, $store:ty, $connection:ty, $config:expr) => {
        #[consumer(name = "downstream")]
        async fn $name(event: Noted, meta: Meta, conn: &mut $connection) -> Result<(), sqlx::Error> {
            let _ = event;
            conn.take_effect("downstream", meta.id()).await
        }

        impl Downstream for $store {
            fn downstream(app: App<Self>, queue: &str) -> App<Self> {
                app.register_with::<$name>(|config| $config(config.queue(queue)))
            }
        }
    };
}

downstream!(on_postgres, PgStore, sqlx::PgConnection, std::convert::identity);
downstream!(on_mysql, MySqlStore, sqlx::MySqlConnection, std::convert::identity);
// It has one writer at a time.
downstream!(on_sqlite, SqliteStore, sqlx::SqliteConnection, |config: ConsumerConfig| config.concurrency(1));

/// Consumers that run in this process beside relays that run in others.
pub struct Consuming {
    handle: RuntimeHandle,
    running: JoinHandle<consumer::Result<()>>,
}

impl Consuming {
    /// Starts them, and no relay.
    ///
    /// # Panics
    /// If they do not become ready.
    pub async fn start<S: Outlet>(store: &S, amqp: &str, app: App<S>) -> Self {
        let runtime =
            Runtime::new(store.clone(), RabbitMq::connect(amqp).await.expect("RabbitMQ of the tests"));
        let runtime = runtime.relay(Relay::off());
        let handle = runtime.handle();
        let running = tokio::spawn(runtime.run(app).until(pending()));
        wait::until("the consumers", START, async || handle.health().ready).await;
        Self { handle, running }
    }

    /// Stops them.
    ///
    /// # Panics
    /// If that is not in good order.
    pub async fn stop(self) {
        self.handle.stop();
        self.running.await.expect("no panic").expect("a stop in good order");
    }
}
