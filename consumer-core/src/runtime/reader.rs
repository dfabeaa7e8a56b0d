//! The reader of a consumer: subscribes, and hands deliveries to the workers.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::FutureExt;

use super::{
    consumer::Consumer,
    gate::{Gate, Position},
    intake::Identified,
    job::Job,
    lanes::Feed,
    session::Slot,
};
use crate::{
    broker::{Broker, Delivery, Subscription},
    circuit::CircuitState,
    clock,
    error::Chain,
    retry::outage_wait,
    storage::Storage,
};

/// Deliveries handed out at once: few enough that the first of them does not wait long for the last to be read.
const AT_ONCE: usize = 16;

/// How long nobody looks for deliveries while every worker has something to do, and the next two to be free find whole batches:
/// to be woken up for a few costs more than to read them.
const REST: Duration = Duration::from_millis(1);

/// The reader of one consumer.
pub(super) struct Reader<S: Storage, B: Broker> {
    pub(super) consumer: Arc<Consumer<S>>,
    pub(super) broker: B,
    pub(super) feed: Feed,
}

/// Why reading ended.
#[derive(PartialEq, Eq)]
enum End {
    /// The gate wants it, or nobody will ever hand out anything more.
    Asked,
    /// Another subscription is to follow: with full prefetch, or once the bench is empty.
    Replaced,
}

impl<S: Storage, B: Broker> Reader<S, B> {
    /// Reads until the gate closes. Returns the last subscription, which keeps the channel open for settlements.
    pub(super) async fn run(self) -> Option<B::Subscription> {
        let mut last = None;
        while self.may_subscribe().await {
            let prefetch = self.prefetch();
            if let Some(mut subscription) = self.subscribe(prefetch).await {
                self.consumer.vitals.consuming(Ok(()));
                let end = self.read(&mut subscription, prefetch).await;
                if end == End::Asked {
                    self.consumer.vitals.consuming(Err("not consuming".to_owned()));
                }
                last = Some(subscription);
            }
            self.consumer.gate.cancelled();
        }
        last
    }

    /// Waits until there is nothing against consuming; `false` if there never will be.
    async fn may_subscribe(&self) -> bool {
        let closes = |p| matches!(p, Position::Closing | Position::Closed);
        let position = tokio::select! {
            position = self.consumer.gate.reaches(closes) => position,
            position = self.opens() => position,
        };
        self.consumer.gate.cancelled();
        !closes(position)
    }

    /// Nobody has a delivery in hand once they were handed back, so that it is the reader who asks whether the database answers.
    async fn opens(&self) -> Position {
        if self.consumer.gate.is_tripped() {
            self.probe().await;
            self.consumer.gate.reset();
        }
        let position = self.consumer.gate.reaches(|p| p == Position::Open).await;
        self.consumer.bench.becomes(false).await;
        position
    }

    /// Asks until the database answers.
    async fn probe(&self) {
        let Consumer { breaker, storage, instruments, .. } = &*self.consumer;
        let mut slot = Slot::new(storage.clone(), self.consumer.limits(), instruments.session_wait.clone());
        while *breaker.watch().borrow() == CircuitState::Open {
            clock::sleep(breaker.due_in()).await;
            let answered = slot.ping().await;
            breaker.probed(
                answered.map_err(|error| format!("the database does not answer: {}", Chain(error.as_ref()))),
            );
        }
    }

    /// One at a time while nobody knows whether anything gets through.
    fn prefetch(&self) -> u16 {
        if self.consumer.breaker.is_closed() { self.consumer.config.deliveries() } else { 1 }
    }

    /// Subscribes, however long it takes; `None` if the gate closes first.
    async fn subscribe(&self, prefetch: u16) -> Option<B::Subscription> {
        let mut failures = 0;
        loop {
            let subscribed = tokio::select! {
                subscribed = self.broker.subscribe(&self.consumer.config.queue, prefetch) => subscribed,
                _ = self.consumer.gate.reaches(Position::ends_reading) => return None,
            };
            let error = match subscribed {
                Ok(subscription) => return Some(subscription),
                Err(error) => Chain(&error).to_string(),
            };
            tracing::error!(consumer = self.consumer.spec.name, error, "cannot consume");
            self.consumer.vitals.consuming(Err(error));
            tokio::select! {
                () = clock::sleep(outage_wait(failures, fastrand::f64())) => failures += 1,
                _ = self.consumer.gate.reaches(Position::ends_reading) => return None,
            }
        }
    }

    /// Hands out deliveries until reading ends; what was prefetched then goes to the workers too, who give it back.
    async fn read(&self, subscription: &mut B::Subscription, prefetch: u16) -> End {
        let Consumer { gate, bench, .. } = &*self.consumer;
        let mut ends = pin!(gate.reaches(Position::ends_reading));
        let mut held = pin!(self.hand_back_when_held_too_long());
        let mut grows = pin!(self.grows(prefetch));
        let mut benched = pin!(bench.becomes(true));
        let (mut rest, mut rests) = (pin!(clock::sleep(Duration::ZERO)), false);
        let end = loop {
            tokio::select! {
                biased;
                _ = &mut ends => break End::Asked,
                () = &mut held => {}
                () = &mut benched => break End::Replaced,
                () = &mut grows => break End::Replaced,
                () = &mut rest, if rests => rests = false,
                () = self.feed.0.wanted(), if rests => rests = false,
                delivery = subscription.next(), if !rests => match delivery {
                    Some(delivery) => {
                        rests = self.hand_out_with_what_is_there(delivery, subscription);
                        if rests {
                            rest.set(clock::sleep(REST));
                        }
                    }
                    None => return End::Asked,
                },
            }
        };
        subscription.cancel().await;
        while let Some(delivery) = subscription.next().await {
            _ = self.hand_out(vec![delivery]);
        }
        end
    }

    /// Waits until more may be taken at once than was.
    async fn grows(&self, prefetch: u16) {
        if prefetch >= self.consumer.config.deliveries() {
            return std::future::pending().await;
        }
        // The sender lives in the consumer.
        let _ = self.consumer.breaker.watch().wait_for(|state| *state == CircuitState::Closed).await;
    }

    /// With what has arrived behind it, without asking about anything else in between. Whether all that has come is handed
    /// out, no worker waits for more, and the next two find all that they can take.
    fn hand_out_with_what_is_there(&self, first: Delivery, subscription: &mut B::Subscription) -> bool {
        let mut deliveries = Vec::with_capacity(AT_ONCE);
        deliveries.push(first);
        while deliveries.len() < AT_ONCE
            // Its end is told again.
            && let Some(Some(delivery)) = subscription.next().now_or_never()
        {
            deliveries.push(delivery);
        }
        let is_all = deliveries.len() < AT_ONCE;
        let enough = 2 * usize::from(self.consumer.config.batch.max(1));
        self.hand_out(deliveries) >= enough && is_all && !self.feed.0.is_wanted()
    }

    /// How many wait to be taken up then.
    fn hand_out(&self, deliveries: Vec<Delivery>) -> usize {
        let (lanes, bench) = (&self.feed.0, &self.consumer.bench);
        let jobs = deliveries.into_iter().map(|delivery| Job::new(delivery, lanes, bench.enter()));
        let read = |job: &mut Job| job.was_read(Identified::read(&self.consumer, &job.delivery));
        lanes.arrive(jobs.collect(), read)
    }

    /// Never ends.
    async fn hand_back_when_held_too_long(&self) {
        let limit = self.consumer.config.longest_hold();
        let Consumer { gate, breaker, .. } = &*self.consumer;
        let paused = async {
            loop {
                held(gate).await;
                tokio::select! {
                    () = clock::sleep(limit) => gate.hand_back(),
                    _ = gate.reaches(|p| p != Position::Held) => {}
                }
            }
        };
        let tripped = async {
            let mut state = breaker.watch();
            loop {
                // The sender lives in the consumer.
                let _ = state.wait_for(|state| *state != CircuitState::Closed).await;
                tokio::select! {
                    () = clock::sleep(limit) => gate.trip(),
                    _ = async { state.wait_for(|state| *state == CircuitState::Closed).await.is_ok() } => {}
                }
            }
        };
        tokio::join!(paused, tripped);
    }
}

async fn held(gate: &Gate) {
    gate.reaches(|p| p == Position::Held).await;
}
