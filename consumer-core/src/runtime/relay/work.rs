//! The work of a relay: leases, publishes and settles until it is told to stop.

use std::{collections::HashMap, pin::Pin, time::Duration};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};

use super::{
    Relaying,
    desk::Desk,
    trip::{self, Plan, Terms, Trip},
    verdict::{Seen, Trouble, Verdict, judge},
};
use crate::{
    broker::{Broker, BrokerState},
    classify::{Class, walk},
    clock::{self, Instant},
    error::{Chain, Result},
    fault,
    outbox::{Fate, Lane, OutboxRow, Position, Survey},
    retry::{conflict_wait, outage_wait},
    runtime::session::Slot,
    storage::{RelayId, Storage, StorageError, UnitLimits},
    telemetry::OutboxInstruments,
};

/// How often the outbox is counted.
const BETWEEN_SURVEYS: Duration = Duration::from_secs(5);
/// How often a broker that takes nothing is looked at.
const BETWEEN_LOOKS_AT_BROKER: Duration = Duration::from_millis(50);
/// How soon a relay looks again that was woken and found nothing: somebody else had the rows' lanes in hand.
const SECOND_LOOK: Duration = Duration::from_millis(50);
/// How long a relay that stops still publishes what was committed last.
const DRAIN: Duration = Duration::from_secs(2);
/// How long beyond a lease the database waits for a trip that nobody continues.
const SERVER_GRACE: Duration = Duration::from_secs(5);
/// At most one warning of a kind in this time: a thousand rows for one missing queue are one piece of news.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);

type Flight = Pin<Box<dyn Future<Output = Landing> + Send>>;
type Travel<S> = Pin<Box<dyn Future<Output = Trip<S>> + Send>>;

/// The answer to a publish.
struct Landing {
    row: Published,
    answer: Result<()>,
    took: Duration,
}

/// What is still needed of a row in flight.
struct Published {
    position: Position,
    lane: Option<Lane>,
    refusals: u32,
    id: uuid::Uuid,
    event_type: String,
    routing_key: String,
}

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
        if self.takes_publishes(now) {
            alarm = alarm.min(self.look_at);
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

/// The broker.
impl<S: Storage, B: Broker> Work<S, B> {
    fn takes_publishes(&self, now: Instant) -> bool {
        !self.away && !self.broker.lasts(now)
    }

    /// Notices when the broker goes and when it comes back. While it is away nothing stays in hand but what is in flight:
    /// another process may have a broker that is not.
    fn look_at_broker(&mut self, now: Instant) {
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
    fn publish(&mut self, now: Instant) {
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

    fn land_all(&mut self, landing: Landing) {
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

/// The database.
impl<S: Storage, B: Broker> Work<S, B> {
    /// Sets off to the database, if there is something to do there and nobody is on the way.
    fn set_off(&mut self, now: Instant) {
        if self.travel.is_some() || self.database.lasts(now) {
            return;
        }
        let plan = self.plan(now);
        if plan.is_empty() {
            return;
        }
        if plan.settle.iter().any(|settled| settled.fate == Fate::Sent) {
            fault::kill_point("K11");
        }
        let Some(slot) = self.slot.take() else { return };
        self.travel = Some(Box::pin(trip::make(self.relay.storage.clone(), slot, plan, self.terms)));
    }

    fn plan(&mut self, now: Instant) -> Plan {
        let due = self.desk.renew_at(self.terms.lease / 2).is_some_and(|at| at <= now);
        let renew = if due { self.desk.renewals(now) } else { Vec::new() };
        let settle = self.desk.batch();
        let survey = self.survey_at <= now;
        if survey {
            self.survey_at = now + BETWEEN_SURVEYS;
        }
        Plan { lease: self.lease(&settle, now), settle, renew, survey }
    }

    fn lease(&mut self, settle: &[crate::outbox::Settled], now: Instant) -> Option<u32> {
        if !self.takes_publishes(now) || self.is_drained(now) {
            return None;
        }
        if self.look_at <= now {
            self.desk.look_again();
            self.look_at = now + self.relay.config.poll.mul_f64(0.75 + fastrand::f64() / 2.0);
        }
        let room = self.desk.wants(settle)?;
        self.desk.leases();
        Some(room)
    }

    fn come_back(&mut self, trip: Trip<S>) {
        let Trip { slot, plan, settled, renewed, rows, survey, error, renewed_until, leased_until } = trip;
        self.travel = None;
        self.slot = Some(slot);
        match settled {
            true => self.desk.written(plan.settle),
            false => self.desk.unwritten(plan.settle),
        }
        if renewed {
            self.desk.renewed(&plan.renew, renewed_until);
        }
        match (plan.lease, rows) {
            (Some(limit), Some(rows)) => self.take(rows, limit, leased_until),
            (Some(_), None) => self.desk.look_again(),
            _ => {}
        }
        if let Some(survey) = survey {
            self.surveyed(survey);
        }
        match error {
            Some((doing, error)) => self.database_failed(doing, &error),
            None => self.database_answers(),
        }
    }

    fn take(&mut self, rows: Vec<OutboxRow>, limit: u32, leased_until: Instant) {
        let woken = std::mem::take(&mut self.woken);
        if !rows.is_empty() {
            fault::kill_point("K9");
        } else if woken {
            self.look_at = self.look_at.min(clock::now() + SECOND_LOOK);
        }
        self.desk.take(rows, limit, leased_until);
    }

    fn surveyed(&self, survey: Survey) {
        self.relay.vitals.surveyed(survey);
        self.instruments.surveyed(survey);
    }

    fn database_answers(&mut self) {
        if self.database.failures > 0 {
            self.relay.vitals.database(None);
        }
        self.database = Outage::default();
    }

    /// What was confirmed stays in hand until the database can be told.
    fn database_failed(&mut self, doing: &str, error: &StorageError) {
        let error: &(dyn std::error::Error + 'static) = error.as_ref();
        let class = walk(error, |link| self.relay.storage.classify(link)).unwrap_or(Class::ServerAway);
        let failures = self.database.failures;
        let wait = match class {
            Class::Conflict => conflict_wait(failures, fastrand::f64()),
            _ => outage_wait(failures, fastrand::f64()),
        };
        self.database = Outage { failures: failures.saturating_add(1), until: Some(clock::now() + wait) };
        let complaint = format!("{doing}: {}: {}", class.as_str(), Chain(error));
        match class {
            Class::Conflict => tracing::debug!("outbox: {complaint}"),
            _ => {
                tracing::warn!(wait_ms = wait.as_millis() as u64, "outbox: {complaint}");
                self.relay.vitals.database(Some(complaint));
            }
        }
        if let Some(survey) = self.relay.vitals.survey() {
            self.instruments.surveyed(survey);
        }
    }
}

fn fly<B: Broker>(broker: B, row: OutboxRow, exchange: &str) -> Flight {
    let OutboxRow { position, mut event, number, created_at, refusals } = row;
    let lane = event.lane();
    if fault::is_mutant("new-id-on-republish") {
        event.id = uuid::Uuid::now_v7();
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

async fn returned<S: Storage>(travel: &mut Option<Travel<S>>) -> Trip<S> {
    match travel {
        Some(travel) => travel.await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Instant) {
    clock::sleep(at.saturating_duration_since(clock::now())).await;
}
