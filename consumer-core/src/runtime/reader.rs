//! The reader of a consumer: subscribes, and hands deliveries to the workers.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{
    consumer::Consumer,
    gate::{Gate, Position},
    job::Job,
};
use crate::{
    broker::{Broker, Subscription},
    clock,
    error::Chain,
    retry::outage_wait,
    storage::Storage,
};

/// How long a paused consumer holds what it has: half of RabbitMQ's default consumer timeout, after which the broker
/// would close the channel.
const HOLD_LIMIT: Duration = Duration::from_secs(15 * 60);

/// The reader of one consumer.
pub(super) struct Reader<S: Storage, B: Broker> {
    pub(super) consumer: Arc<Consumer<S>>,
    pub(super) broker: B,
    pub(super) jobs: mpsc::UnboundedSender<Job>,
}

impl<S: Storage, B: Broker> Reader<S, B> {
    /// Reads until the gate closes. Returns the last subscription, which keeps the channel open for settlements.
    pub(super) async fn run(self) -> Option<B::Subscription> {
        let mut last = None;
        while self.may_subscribe().await {
            if let Some(mut subscription) = self.subscribe().await {
                self.consumer.vitals.consuming(Ok(()));
                self.read(&mut subscription).await;
                self.consumer.vitals.consuming(Err("not consuming".to_owned()));
                last = Some(subscription);
            }
            self.consumer.gate.cancelled();
        }
        last
    }

    async fn may_subscribe(&self) -> bool {
        let closes = |p| matches!(p, Position::Closing | Position::Closed);
        let position = self.consumer.gate.reaches(|p| p == Position::Open || closes(p)).await;
        self.consumer.gate.cancelled();
        !closes(position)
    }

    /// Subscribes, however long it takes; `None` if the gate closes first.
    async fn subscribe(&self) -> Option<B::Subscription> {
        let mut failures = 0;
        loop {
            let subscribed = tokio::select! {
                subscribed = self.broker.subscribe(&self.consumer.config.queue, self.consumer.config.prefetch) => subscribed,
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
    async fn read(&self, subscription: &mut B::Subscription) {
        let mut ends = pin!(self.consumer.gate.reaches(Position::ends_reading));
        let mut hand_back = pin!(hand_back_when_held_too_long(&self.consumer.gate));
        loop {
            tokio::select! {
                biased;
                _ = &mut ends => break,
                () = &mut hand_back => {}
                delivery = subscription.next() => match delivery {
                    Some(delivery) => self.hand_out(delivery),
                    None => return,
                },
            }
        }
        subscription.cancel().await;
        while let Some(delivery) = subscription.next().await {
            self.hand_out(delivery);
        }
    }

    fn hand_out(&self, delivery: crate::broker::Delivery) {
        Job::new(delivery, self.jobs.clone()).go_home();
    }
}

/// Never ends.
async fn hand_back_when_held_too_long(gate: &Gate) {
    loop {
        gate.reaches(|p| p == Position::Held).await;
        tokio::select! {
            () = clock::sleep(HOLD_LIMIT) => gate.hand_back(),
            _ = gate.reaches(|p| p != Position::Held) => {}
        }
    }
}
