//! The victim's consumers: the same functions for each database.

use consumer::handler::ConsumerConfig;

use super::Consuming;

/// Workers of each consumer.
const CONCURRENCY: usize = 6;
/// Deliveries that wait in the process, so that a kill hits some in every state.
const PREFETCH: u16 = 32;
/// A message may be in a victim's hands at every kill of a run.
const DELIVERY_LIMIT: u32 = 10_000;

macro_rules! consumers {
    ($room:ident, $store:path, $connection:path) => {
        pub(super) mod $room {
            use consumer::prelude::*;
            use $connection as Conn;
            use $store as Store;

            use super::super::{
                Consuming,
                work::{Work, WorkError},
            };
            use crate::event::Paid;

            #[consumer(name = "first")]
            async fn first(event: Paid, conn: &mut Conn, State(work): State<Work>) -> Result<(), WorkError> {
                work.run("first", &event, conn).await
            }

            #[consumer(name = "second")]
            async fn second(event: Paid, conn: &mut Conn, State(work): State<Work>) -> Result<(), WorkError> {
                work.run("second", &event, conn).await
            }

            /// A consumer whose claims free themselves soon.
            #[consumer(name = "brief", timeout = "2s")]
            async fn brief(event: Paid, conn: &mut Conn, State(work): State<Work>) -> Result<(), WorkError> {
                work.run("brief", &event, conn).await
            }

            pub(in super::super) fn app(task: &Consuming, work: Work) -> App<Store> {
                let mut app = App::new().state(work);
                for consumer in &task.consumers {
                    let configure = |config| super::configure(config, task, consumer);
                    app = match consumer.as_str() {
                        "first" => app.register_with::<first>(configure),
                        "second" => app.register_with::<second>(configure),
                        _ => app.register_with::<brief>(configure),
                    };
                }
                app
            }
        }
    };
}

consumers!(postgres, consumer_sqlx::postgres::PgStore, consumer::sqlx::PgConnection);
consumers!(mysql, consumer_sqlx::mysql::MySqlStore, consumer::sqlx::MySqlConnection);
consumers!(sqlite, consumer_sqlx::sqlite::SqliteStore, consumer::sqlx::SqliteConnection);

fn configure(config: ConsumerConfig, task: &Consuming, consumer: &str) -> ConsumerConfig {
    config
        .queue(task.queue(consumer))
        .bind(task.exchange.as_str(), "")
        .delivery_limit(DELIVERY_LIMIT)
        .concurrency(CONCURRENCY)
        .prefetch(PREFETCH)
}
