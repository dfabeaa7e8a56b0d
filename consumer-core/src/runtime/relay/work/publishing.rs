//! Publishing: what is sent to the broker, and what its answers mean.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use uuid::Uuid;

use super::{
    super::verdict::{Seen, Trouble, Verdict, judge},
    Flight, Outage, Work,
};
use crate::{
    broker::{Broker, BrokerState},
    clock::{self, Instant},
    error::Result,
    fault,
    outbox::{Fate, Lane, OutboxRow, Position},
    retry::outage_wait,
    storage::Storage,
};

/// At most one warning of a kind in this time: a thousand rows for one missing queue are one piece of news.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);

/// The answer to a publish.
pub(super) struct Landing {
    row: Published,
    answer: Result<()>,
    took: Duration,
}

/// What is still needed of a row in flight.
struct Published {
    position: Position,
    lane: Option<Lane>,
    refusals: u32,
    id: Uuid,
    event_type: String,
    routing_key: String,
}

impl<S: Storage, B: Broker> Work<S, B> {
    pub(super) fn takes_publishes(&self, now: Instant) -> bool {
        !self.away && !self.broker.lasts(now)
    }

    /// Notices when the broker goes and when it comes back. While it is away nothing stays in hand but what is in flight:
    /// another process may have a broker that is not.
    pub(super) fn look_at_broker(&mut self, now: Instant) {
        match self.relay.broker.state() {
            BrokerState::Up if self.away => {
                tracing::info!("the broker takes messages again; the relay goes on");
                (self.away, self.broker) = (false, Outage::default());
                self.go_on();
            }
            BrokerState::Up if self.broker.until.is_some_and(|until| until <= now) => {
                self.broker.until = None;
                self.go_on();
            }
            BrokerState::Blocked(reason) | BrokerState::Down(reason) if !self.away => {
                tracing::warn!(reason, "the broker takes no messages; the relay pauses");
                self.away = true;
                self.relay.vitals.broker(Some(format!("nothing is published: {reason}")));
                self.desk.give_back();
            }
            _ => {}
        }
    }

    fn go_on(&mut self) {
        self.relay.vitals.broker(None);
        self.desk.look_again();
    }

    /// Leaves a broker alone that is up but answers nothing, for longer each time.
    fn pause(&mut self, reason: &str) {
        let now = clock::now();
        if self.broker.lasts(now) || self.away {
            return;
        }
        let wait = outage_wait(self.broker.failures, fastrand::f64());
        tracing::warn!(
            reason,
            wait_ms = wait.as_millis() as u64,
            "an event was not confirmed; the relay pauses"
        );
        self.relay.vitals.broker(Some(format!("nothing is published for a moment: {reason}")));
        self.broker.failures = self.broker.failures.saturating_add(1);
        self.broker.until = Some(now + wait);
        self.desk.give_back();
    }

    /// Publishes whatever may be. Not while the database is away: it could not be told.
    pub(super) fn publish(&mut self, now: Instant) {
        if self.is_drained(now) {
            self.desk.give_back();
        }
        if !self.takes_publishes(now) || self.database.failures > 0 {
            return;
        }
        while let Some(row) = self.desk.next(now) {
            self.flights.push(fly(self.relay.broker.clone(), row, &self.relay.config.exchange));
        }
    }

    pub(super) fn land_all(&mut self, landing: Landing) {
        self.land(landing);
        while let Some(Some(landing)) = self.flights.next().now_or_never() {
            self.land(landing);
        }
    }

    fn land(&mut self, Landing { row, answer, took }: Landing) {
        let now = clock::now();
        let seen = Seen {
            up: self.relay.broker.state() == BrokerState::Up,
            took,
            last_confirm: self.last_confirm.map(|at| now.duration_since(at)),
        };
        match judge(&answer, seen, row.refusals, fastrand::f64()) {
            Verdict::Sent => {
                self.last_confirm = Some(now);
                self.broker.failures = 0;
                self.instruments.published(row.id, took);
                self.desk.landed(row.position, row.lane, Fate::Sent);
            }
            Verdict::Trouble(trouble, fate) => {
                self.complain(trouble, &fate, &row, now);
                self.desk.landed(row.position, row.lane, fate);
            }
            Verdict::Outage(reason) => {
                self.desk.landed(row.position, row.lane, Fate::Untouched);
                self.pause(&reason);
            }
        }
    }

    fn complain(&mut self, trouble: Trouble, fate: &Fate, row: &Published, now: Instant) {
        self.instruments.refused(trouble.as_str());
        let (Fate::Refused { error, .. } | Fate::Parked { error }) = fate else { return };
        self.relay.vitals.refused(trouble, error);
        let last = self.last_warnings.get(&trouble);
        if last.is_some_and(|last| now.duration_since(*last) < BETWEEN_WARNINGS) {
            return;
        }
        self.last_warnings.insert(trouble, now);
        tracing::warn!(
            id = %row.id,
            event_type = row.event_type,
            routing_key = row.routing_key,
            refusals = row.refusals,
            reason = trouble.as_str(),
            error,
            "an event was not taken, and later events of its key wait; {}",
            trouble.remedy()
        );
    }
}

fn fly<B: Broker>(broker: B, row: OutboxRow, exchange: &str) -> Flight {
    let OutboxRow { position, mut event, number, created_at, refusals } = row;
    let lane = event.lane();
    if fault::is_mutant("new-id-on-republish") {
        event.id = Uuid::now_v7();
    }
    let publication = event.publication(exchange, number, created_at);
    let row = Published {
        position,
        lane,
        refusals,
        id: event.id,
        event_type: event.event_type,
        routing_key: event.routing_key,
    };
    Box::pin(async move {
        let started = clock::now();
        let answer = fault::kill_after_sending("K10", broker.publish(publication)).await;
        Landing { row, answer, took: started.elapsed() }
    })
}
