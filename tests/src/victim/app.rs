//! The victim's consumers: the same functions for each database.

use std::time::Duration;

use consumer::{handler::ConsumerConfig, retry::RetryPolicy};

use super::Consuming;

/// Deliveries that wait in the process, so that a kill hits some in every state.
const PREFETCH: u16 = 32;
/// The same, where they are processed in batches.
const PREFETCH_OF_BATCHES: u16 = 80;
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
                charge::{Charge, charge, settle},
                work::{Work, WorkError},
            };
            use crate::event::{Booked, Paid};

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

            /// A consumer that fails as often as its event says, and climbs the ladder.
            #[consumer(name = "patient")]
            async fn patient(
                event: Paid,
                meta: Meta,
                conn: &mut Conn,
                State(work): State<Work>,
            ) -> Result<(), WorkError> {
                work.run_at_last("patient", &event, meta.attempt(), conn).await
            }

            /// A consumer that charges after its commit, and tells others.
            #[consumer(name = "billed")]
            async fn billed(
                event: Paid,
                conn: &mut Conn,
                State(work): State<Work>,
                effects: Effects<'_>,
                outbox: Outbox<'_>,
            ) -> Result<(), WorkError> {
                work.run("billed", &event, conn).await?;
                effects.schedule::<charge>(&Charge::from(&event));
                let booked = Booked { payment: event.payment };
                outbox.publish_to(&booked, Route::queue(work.queue("audited")));
                Ok(())
            }

            /// A consumer that charges before its transaction.
            #[consumer(name = "settled")]
            async fn settled(
                event: Paid,
                _charged: Completed<settle>,
                conn: &mut Conn,
                State(work): State<Work>,
            ) -> Result<(), WorkError> {
                work.run("settled", &event, conn).await
            }

            /// A consumer that does not know of its batches.
            #[consumer(name = "batched", batch = 64)]
            async fn batched(
                event: Paid,
                conn: &mut Conn,
                State(work): State<Work>,
            ) -> Result<(), WorkError> {
                work.run("batched", &event, conn).await
            }

            /// A consumer that takes all events of a batch at once.
            #[consumer(name = "bulk")]
            async fn bulk(
                events: Batch<Paid>,
                conn: &mut Conn,
                State(work): State<Work>,
            ) -> Result<BatchFailures<WorkError>, WorkError> {
                work.run_all("bulk", &events, conn).await
            }

            /// A consumer of what `billed` publishes.
            #[consumer(name = "audited")]
            async fn audited(
                event: Booked,
                conn: &mut Conn,
                State(work): State<Work>,
            ) -> Result<(), WorkError> {
                work.run("audited", &Paid::new(event.payment), conn).await
            }

            pub(in super::super) fn app(task: &Consuming, work: Work) -> App<Store> {
                let mut app = App::new().state(work);
                if let Some(gateway) = &task.gateway {
                    app = app.state(super::super::charge::provider(gateway)).register::<(charge, settle)>();
                }
                for consumer in &task.consumers {
                    let configure = |config| super::configure(config, task, consumer);
                    app = match consumer.as_str() {
                        "first" => app.register_with::<first>(configure),
                        "second" => app.register_with::<second>(configure),
                        "billed" => app.register_with::<billed>(configure),
                        "settled" => app.register_with::<settled>(configure),
                        "audited" => app.register_with::<audited>(configure),
                        "batched" => app.register_with::<batched>(configure),
                        "bulk" => app.register_with::<bulk>(configure),
                        "patient" => app.register_with::<patient>(configure),
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

/// Those that process in batches.
const BATCHES: [&str; 2] = ["batched", "bulk"];

/// The ladder of `patient`, in milliseconds.
pub(super) const RUNGS_MS: [u64; 6] = [200, 300, 400, 500, 600, 700];

/// A gateway that fails one call in five is asked this often before a person has to look.
fn patient() -> RetryPolicy {
    RetryPolicy::never().at_once(20).waits(Duration::from_millis(50), Duration::from_secs(1))
}

fn configure(config: ConsumerConfig, task: &Consuming, consumer: &str) -> ConsumerConfig {
    let config = match consumer {
        // Its events come from the outbox, straight into its queue.
        "audited" => config,
        "settled" => config.bind(task.exchange.as_str(), "").retry(patient()),
        "patient" => config
            .bind(task.exchange.as_str(), "")
            .retry(RetryPolicy::never().ladder(RUNGS_MS.map(Duration::from_millis))),
        _ => config.bind(task.exchange.as_str(), ""),
    };
    let prefetch = if BATCHES.contains(&consumer) { PREFETCH_OF_BATCHES } else { PREFETCH };
    config
        .queue(task.queue(consumer))
        .delivery_limit(DELIVERY_LIMIT)
        .concurrency(task.workers)
        .prefetch(prefetch)
}
