//! The work of a relay: leases, publishes and settles until it is told to stop.

mod database;
mod publishing;

use std::{collections::HashMap, pin::Pin, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};

use self::publishing::Landing;
use super::{
    Relaying,
    desk::Desk,
    trip::{Terms, Trip},
    verdict::Trouble,
};
use crate::{
    broker::Broker,
    clock::{self, Instant},
    runtime::session::Slot,
    storage::{RelayId, Storage, UnitLimits},
    telemetry::OutboxInstruments,
};

/// How often a broker that takes nothing is looked at.
const BETWEEN_LOOKS_AT_BROKER: Duration = Duration::from_millis(50);
/// How long a relay that stops still publishes what was committed last.
const DRAIN: Duration = Duration::from_secs(2);
/// How long beyond a lease the database waits for a trip that nobody continues.
const SERVER_GRACE: Duration = Duration::from_secs(5);
type Flight = Pin<Box<dyn Future<Output = Landing> + Send>>;
type Travel<S> = Pin<Box<dyn Future<Output = Trip<S>> + Send>>;

/// Something that does not work right now.
#[derive(Default)]
struct Outage {
    /// In a row.
    failures: u32,
    /// Until when it is left alone.
    until: Option<Instant>,
}

impl Outage {
    fn lasts(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

pub(super) struct Work<S: Storage, B: Broker> {
    relay: Relaying<S, B>,
    terms: Terms,
    instruments: OutboxInstruments,
    desk: Desk,
    flights: FuturesUnordered<Flight>,
    travel: Option<Travel<S>>,
    /// The session, while no trip has it.
    slot: Option<Slot<S>>,
    database: Outage,
    broker: Outage,
    /// Whether the broker said that it takes nothing.
    away: bool,
    woken: bool,
    look_at: Instant,
    survey_at: Instant,
    /// When a few rows are written although others are in flight.
    write_at: Option<Instant>,
    last_confirm: Option<Instant>,
    last_warnings: HashMap<Trouble, Instant>,
    drain_until: Option<Instant>,
}

impl<S: Storage, B: Broker> Work<S, B> {
    pub(super) fn new(relay: Relaying<S, B>) -> Self {
        let limits = UnitLimits { handler: relay.config.lease, grace: SERVER_GRACE };
        let now = clock::now();
        relay.vitals.starts(relay.config.overdue);
        Self {
            terms: Terms { relay: RelayId::random(), lease: relay.config.lease },
            instruments: OutboxInstruments::new(),
            desk: Desk::new(relay.config.window),
            flights: FuturesUnordered::new(),
            travel: None,
            slot: Some(Slot::new(relay.storage.clone(), limits, metrics::Histogram::noop())),
            database: Outage::default(),
            broker: Outage::default(),
            away: false,
            woken: false,
            look_at: now,
            survey_at: now,
            write_at: None,
            last_confirm: None,
            last_warnings: HashMap::new(),
            drain_until: None,
            relay,
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            let now = clock::now();
            self.look_at_broker(now);
            self.publish(now);
            self.set_off(now);
            if self.is_done(now) {
                return;
            }
            let alarm = self.alarm(now);
            tokio::select! {
                Some(landing) = self.flights.next() => self.land_all(landing),
                trip = returned(&mut self.travel) => self.come_back(trip),
                () = self.relay.bell.rung() => self.wake(),
                () = self.relay.stopping.cancelled(), if self.drain_until.is_none() => self.drain(),
                () = sleep_until(alarm) => {}
            }
        }
    }

    fn wake(&mut self) {
        self.woken = true;
        self.desk.look_again();
    }

    fn drain(&mut self) {
        self.drain_until = Some(clock::now() + DRAIN);
        self.desk.look_again();
    }

    fn is_drained(&self, now: Instant) -> bool {
        self.drain_until.is_some_and(|until| until <= now)
    }

    fn is_done(&self, now: Instant) -> bool {
        let settled = self.desk.is_clear() && self.flights.is_empty() && self.travel.is_none();
        let nothing_more =
            || self.is_drained(now) || !self.takes_publishes(now) || self.desk.wants(&[]).is_none();
        self.drain_until.is_some() && settled && nothing_more()
    }

    /// When to go on although nothing has happened.
    fn alarm(&self, now: Instant) -> Instant {
        let mut alarm = self.survey_at;
        if self.takes_publishes(now) && !self.is_drained(now) {
            alarm = alarm.min(self.look_at);
        }
        if let Some(write_at) = self.write_at {
            alarm = alarm.min(write_at);
        }
        if let Some(renew_at) = self.desk.renew_at(self.terms.lease / 2) {
            alarm = alarm.min(renew_at);
        }
        if let Some(until) = self.database.until.filter(|until| *until > now) {
            alarm = until;
        }
        if self.travel.is_some() {
            // Whatever the database is needed for waits until it has answered.
            alarm = now + self.terms.lease;
        }
        if self.away {
            alarm = alarm.min(now + BETWEEN_LOOKS_AT_BROKER);
        }
        let others = [self.broker.until, self.drain_until];
        others.into_iter().flatten().filter(|at| *at > now).fold(alarm, Instant::min)
    }
}

async fn returned<S: Storage>(travel: &mut Option<Travel<S>>) -> Trip<S> {
    match travel {
        Some(travel) => travel.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Instant) {
    clock::sleep(at.saturating_duration_since(clock::now())).await;
}
