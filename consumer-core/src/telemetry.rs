//! Telemetry: the names of metrics and spans, and the record of one delivery.
//!
//! Counters keep one identity: every delivery that a worker takes up is counted as received, and exactly once as done,
//! duplicate, retried, delayed, dead or requeued. One that is retried is taken up again, and counted again; so is the copy
//! of one that is delayed.

use std::{fmt, sync::Arc, time::Duration};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use uuid::Uuid;

use crate::{
    circuit::CircuitState,
    clock,
    effect::{EffectCounts, Intent},
    failure::FailureSurvey,
    handler::Meta,
    message::ClaimKey,
    outbox::Survey,
};

/// Deliveries taken up by a worker. Label: `consumer`.
pub const RECEIVED: &str = "consumer_deliveries_received_total";
/// Deliveries that a worker is through with. Labels: `consumer`, `outcome` (`done`, `duplicate`, `retried`, `delayed`,
/// `dead`, `requeued`).
pub const SETTLED: &str = "consumer_deliveries_settled_total";
/// Failures of a unit. Labels: `consumer`, `class`.
pub const FAILURES: &str = "consumer_failures_total";
/// Duplicates whose fingerprint was taken by another algorithm, so that nothing compared them. Label: `consumer`.
pub const UNVERIFIED: &str = "consumer_duplicates_unverified_total";
/// Settlements that reached no channel: the broker delivers the message again. Label: `consumer`.
pub const LOST_SETTLEMENTS: &str = "consumer_settlements_without_effect_total";
/// Whether the circuit breaker lets deliveries through: 0 closed, 1 half-open, 2 open. Label: `consumer`.
pub const CIRCUIT: &str = "consumer_circuit_state";
/// How often the circuit breaker has opened after it was closed. Label: `consumer`.
pub const CIRCUIT_OPENED: &str = "consumer_circuit_opened_total";
/// Messages in the dead-letter queue. Label: `consumer`.
pub const DEAD_LETTERS: &str = "consumer_dead_letters";
/// Age of the oldest dead letter that has a failure record, in seconds. Label: `consumer`.
pub const DEAD_LETTERS_OLDEST: &str = "consumer_dead_letters_oldest_seconds";
/// Events of which a copy waits on the ladder. Label: `consumer`.
pub const DELAYED: &str = "consumer_delayed_events";
/// Deaths of a process that were counted for a message that it ran. Label: `consumer`.
pub const DEATHS: &str = "consumer_deaths_counted_total";
/// Wait of a delivery for the rate limit, in seconds. Label: `consumer`.
pub const RATE_WAIT: &str = "consumer_rate_limit_wait_seconds";
/// Failure records deleted by the sweeper.
pub const FAILURES_SWEPT: &str = "consumer_failure_records_swept_total";
/// Deliveries in work. Label: `consumer`.
pub const IN_FLIGHT: &str = "consumer_in_flight";
/// Age of the oldest delivery in work, in seconds. Label: `consumer`.
pub const OLDEST_IN_FLIGHT: &str = "consumer_oldest_in_flight_seconds";
/// Wait for a database session, in seconds. Label: `consumer`.
pub const SESSION_WAIT: &str = "consumer_session_wait_seconds";
/// Duration of a stage, in seconds. Labels: `consumer`, `stage` (`claim`, `handler`, `commit`, `ack`).
pub const STAGE: &str = "consumer_stage_seconds";
/// Events that were taken up together. Label: `consumer`.
pub const BATCH_EVENTS: &str = "consumer_batch_events";
/// Batches that came to nothing, so that their events went one by one. Label: `consumer`.
pub const BATCHES_UNDONE: &str = "consumer_batches_undone_total";
/// Channels and connections rebuilt. Label: `what` (`channel`, `connection`).
pub const RECONNECTS: &str = "consumer_broker_reconnects_total";
/// Claims deleted by the sweeper.
pub const SWEPT: &str = "consumer_claims_swept_total";
/// Events of the outbox that the broker has confirmed.
pub const OUTBOX_PUBLISHED: &str = "consumer_outbox_published_total";
/// Events that the broker did not take, at each attempt. Label: `reason` (`unroutable`, `nacked`, `unconfirmed`,
/// `forbidden`, `unpublishable`).
pub const OUTBOX_REFUSED: &str = "consumer_outbox_refused_total";
/// Events that are not published yet, parked ones included.
pub const OUTBOX_UNSENT: &str = "consumer_outbox_unsent";
/// Events that wait for a person.
pub const OUTBOX_PARKED: &str = "consumer_outbox_parked";
/// Age of the oldest event that is not published yet, in seconds.
pub const OUTBOX_OLDEST: &str = "consumer_outbox_oldest_unsent_seconds";
/// From the sending of an event to the broker's answer, in seconds.
pub const OUTBOX_PUBLISH: &str = "consumer_outbox_publish_seconds";
/// From the making of an event to its confirm, in seconds; the beginning by the clock of the process that wrote it.
pub const OUTBOX_DELAY: &str = "consumer_outbox_delay_seconds";
/// Rows of the outbox deleted by the sweeper.
pub const OUTBOX_SWEPT: &str = "consumer_outbox_swept_total";
/// Rows of the effect ledger deleted by the sweeper.
pub const EFFECTS_SWEPT: &str = "consumer_effects_swept_total";

/// Calls of effects whose outcome was written. Labels: `effect`, `outcome` (`done`, `retried`, `failed`, `unknown`, `late`).
pub const EFFECTS: &str = "consumer_effects_total";
/// Duration of a call of an effect, in seconds. Label: `effect`.
pub const EFFECT_SECONDS: &str = "consumer_effect_seconds";
/// Leases that were renewed while a call ran. Label: `effect`.
pub const EFFECT_RENEWALS: &str = "consumer_effect_renewals_total";
/// Results that were replayed instead of calling again. Label: `effect`.
pub const EFFECT_REPLAYS: &str = "consumer_effect_replays_total";
/// Effects that were scheduled because others had to be undone. Label: `effect`, the one that is undone.
pub const EFFECT_COMPENSATIONS: &str = "consumer_effect_compensations_total";
/// Scheduled effects that are being called by this process.
pub const EFFECTS_IN_FLIGHT: &str = "consumer_effects_in_flight";
/// Rows of the ledger, of all processes. Label: `state` (`planned`, `started`, `failed`, `unknown`).
pub const EFFECT_ROWS: &str = "consumer_effect_rows";
/// For how long the most overdue scheduled effect has been due, in seconds.
pub const EFFECTS_OVERDUE: &str = "consumer_effects_overdue_seconds";

/// The target of the one event per call of an effect.
pub const EFFECT_TARGET: &str = "consumer::effect";
/// The target of the one event per settled delivery.
pub const DELIVERY_TARGET: &str = "consumer::delivery";

/// How a worker is through with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Committed.
    Done,
    /// Committed before, by another delivery.
    Duplicate,
    /// Failed, and taken up again later.
    Retried,
    /// Failed, and a copy of it waits on the ladder.
    Delayed,
    /// In the dead-letter queue.
    Dead,
    /// Back in its queue.
    Requeued,
}

impl Outcome {
    const ALL: [Self; 6] =
        [Self::Done, Self::Duplicate, Self::Retried, Self::Delayed, Self::Dead, Self::Requeued];

    /// The text used in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Duplicate => "duplicate",
            Self::Retried => "retried",
            Self::Delayed => "delayed",
            Self::Dead => "dead",
            Self::Requeued => "requeued",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The instruments of one consumer, looked up once.
pub(crate) struct Instruments {
    consumer: &'static str,
    received: Counter,
    settled: [Counter; 6],
    unverified: Counter,
    lost_settlements: Counter,
    pub(crate) in_flight: Gauge,
    pub(crate) oldest_in_flight: Gauge,
    pub(crate) session_wait: Histogram,
    claim: Histogram,
    handler: Histogram,
    commit: Histogram,
    ack: Histogram,
    batch_events: Histogram,
    batches_undone: Counter,
}

impl Instruments {
    pub(crate) fn new(consumer: &'static str) -> Self {
        let stage = |stage: &'static str| histogram!(STAGE, "consumer" => consumer, "stage" => stage);
        Self {
            consumer,
            received: counter!(RECEIVED, "consumer" => consumer),
            settled: Outcome::ALL.map(|o| counter!(SETTLED, "consumer" => consumer, "outcome" => o.as_str())),
            unverified: counter!(UNVERIFIED, "consumer" => consumer),
            lost_settlements: counter!(LOST_SETTLEMENTS, "consumer" => consumer),
            in_flight: gauge!(IN_FLIGHT, "consumer" => consumer),
            oldest_in_flight: gauge!(OLDEST_IN_FLIGHT, "consumer" => consumer),
            session_wait: histogram!(SESSION_WAIT, "consumer" => consumer),
            claim: stage("claim"),
            handler: stage("handler"),
            commit: stage("commit"),
            ack: stage("ack"),
            batch_events: histogram!(BATCH_EVENTS, "consumer" => consumer),
            batches_undone: counter!(BATCHES_UNDONE, "consumer" => consumer),
        }
    }

    pub(crate) fn received(&self, deliveries: usize) {
        self.received.increment(deliveries as u64);
    }

    /// Counts a batch, and how many events it had.
    pub(crate) fn batch(&self, events: usize, committed: bool) {
        self.batch_events.record(events as f64);
        if !committed {
            self.batches_undone.increment(1);
        }
    }

    /// Counts deliveries that a worker is through with, and what the unit that they had in common took.
    pub(crate) fn settled(&self, outcome: Outcome, times: Times, deliveries: usize) {
        self.settled[outcome as usize].increment(deliveries as u64);
        let Times { claim, handler, commit } = times;
        self.claim.record_many(claim, deliveries);
        self.handler.record_many(handler, deliveries);
        self.commit.record_many(commit, deliveries);
    }

    /// Notes that the broker was told of deliveries, or of how many it was not.
    pub(crate) fn told(&self, ack: Duration, deliveries: usize, missed: usize) {
        if missed > 0 {
            self.lost_settlements.increment(missed as u64);
        }
        self.ack.record_many(ack, deliveries);
    }

    pub(crate) fn unverified(&self) {
        self.unverified.increment(1);
    }

    pub(crate) fn death(&self) {
        counter!(DEATHS, "consumer" => self.consumer).increment(1);
    }

    pub(crate) fn rate_wait(&self, wait: Duration) {
        histogram!(RATE_WAIT, "consumer" => self.consumer).record(wait);
    }

    /// What is known about the failed events of the consumer.
    pub(crate) fn surveyed(&self, letters: u64, survey: &FailureSurvey) {
        let set = |name: &'static str, value: f64| gauge!(name, "consumer" => self.consumer).set(value);
        set(DEAD_LETTERS, letters as f64);
        set(DEAD_LETTERS_OLDEST, if letters == 0 { 0.0 } else { survey.oldest_dead.as_secs_f64() });
        set(DELAYED, survey.delayed as f64);
    }

    pub(crate) fn failed(&self, class: &'static str) {
        counter!(FAILURES, "consumer" => self.consumer, "class" => class).increment(1);
    }
}

/// The instruments of a circuit breaker.
pub(crate) struct CircuitInstruments {
    state: Gauge,
    opened: Counter,
}

impl CircuitInstruments {
    pub(crate) fn new(consumer: &'static str) -> Self {
        let state = gauge!(CIRCUIT, "consumer" => consumer);
        state.set(0.0);
        Self { state, opened: counter!(CIRCUIT_OPENED, "consumer" => consumer) }
    }

    pub(crate) fn entered(&self, state: CircuitState) {
        self.state.set(match state {
            CircuitState::Closed => 0.0,
            CircuitState::HalfOpen => 1.0,
            CircuitState::Open => 2.0,
        });
    }

    pub(crate) fn opened(&self) {
        self.opened.increment(1);
    }
}

/// The instruments of the relay.
pub(crate) struct OutboxInstruments {
    published: Counter,
    publish: Histogram,
    delay: Histogram,
    unsent: Gauge,
    parked: Gauge,
    oldest: Gauge,
}

impl OutboxInstruments {
    pub(crate) fn new() -> Self {
        Self {
            published: counter!(OUTBOX_PUBLISHED),
            publish: histogram!(OUTBOX_PUBLISH),
            delay: histogram!(OUTBOX_DELAY),
            unsent: gauge!(OUTBOX_UNSENT),
            parked: gauge!(OUTBOX_PARKED),
            oldest: gauge!(OUTBOX_OLDEST),
        }
    }

    /// Counts a confirmed event; its id says when it was made.
    pub(crate) fn published(&self, id: Uuid, took: Duration) {
        self.published.increment(1);
        self.publish.record(took);
        if let Some((seconds, nanos)) = id.get_timestamp().map(|made| made.to_unix()) {
            self.delay.record(clock::wall().saturating_sub(Duration::new(seconds, nanos)));
        }
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        counter!(OUTBOX_REFUSED, "reason" => reason).increment(1);
    }

    pub(crate) fn surveyed(&self, Survey { unsent, parked, oldest }: Survey) {
        self.unsent.set(unsent as f64);
        self.parked.set(parked as f64);
        self.oldest.set(oldest.as_secs_f64());
    }
}

/// How long the stages of the last unit took; what was not reached is zero.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    pub(crate) claim: Duration,
    pub(crate) handler: Duration,
    pub(crate) commit: Duration,
}

/// What is said about one delivery once the broker has been told; never its payload.
pub(crate) struct Record {
    pub(crate) instruments: Arc<Instruments>,
    /// Which event it was, if the message said so and somebody wants to hear it.
    pub(crate) event: Option<(Meta, ClaimKey)>,
    pub(crate) attempt: u32,
    pub(crate) outcome: Outcome,
    /// The class of the failure, or the reason of the dead letter.
    pub(crate) cause: &'static str,
    pub(crate) error: String,
    pub(crate) times: Times,
}

impl Outcome {
    /// Whether anybody hears the event of a delivery with this outcome.
    pub(crate) fn is_heard(self) -> bool {
        use tracing::{Level, enabled};
        match self {
            Self::Done | Self::Duplicate => enabled!(target: DELIVERY_TARGET, Level::DEBUG),
            Self::Retried | Self::Delayed | Self::Requeued => enabled!(target: DELIVERY_TARGET, Level::INFO),
            Self::Dead => enabled!(target: DELIVERY_TARGET, Level::WARN),
        }
    }
}

impl Record {
    /// Counts the outcome; at once, because a settlement that is lost changes nothing about it.
    pub(crate) fn count(&self) {
        self.instruments.settled(self.outcome, self.times, 1);
    }

    /// Emits the event; `reached` says whether the settlement found its channel.
    pub(crate) fn emit(&self, ack: Duration, reached: bool) {
        self.instruments.told(ack, 1, usize::from(!reached));
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: DELIVERY_TARGET,
                    tracing::Level::$level,
                    consumer = self.instruments.consumer,
                    id = self.event.as_ref().map(|(meta, _)| tracing::field::debug(meta.id())),
                    key = self.event.as_ref().map(|(_, key)| tracing::field::display(key)),
                    attempt = self.attempt,
                    outcome = self.outcome.as_str(),
                    cause = self.cause,
                    error = self.error,
                    claim_us = self.times.claim.as_micros() as u64,
                    handler_us = self.times.handler.as_micros() as u64,
                    commit_us = self.times.commit.as_micros() as u64,
                    ack_us = ack.as_micros() as u64,
                    reached,
                    "delivery settled"
                )
            };
        }
        // What needs a person is a warning, what repairs itself is not.
        match self.outcome {
            Outcome::Done | Outcome::Duplicate => event!(DEBUG),
            Outcome::Retried | Outcome::Delayed | Outcome::Requeued => event!(INFO),
            Outcome::Dead => event!(WARN),
        }
    }
}

/// What a call of an effect came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EffectOutcome {
    /// Done, and its result recorded.
    Done,
    /// To be called again.
    Retried,
    /// Never again, and not done.
    Failed,
    /// Never again by itself, done or not.
    Unknown,
    /// Somebody else had started it anew, or ended it: what it said is kept as evidence.
    Late,
}

impl EffectOutcome {
    /// The text used in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Retried => "retried",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Late => "late",
        }
    }
}

/// What is said about one call of an effect; never its payload or its result.
pub(crate) struct EffectRecorded<'a> {
    pub(crate) effect: &'static str,
    pub(crate) intent: &'a Intent,
    pub(crate) attempt: u32,
    pub(crate) outcome: EffectOutcome,
    pub(crate) error: &'a str,
    pub(crate) took: Duration,
}

impl EffectRecorded<'_> {
    /// Counts the outcome and emits the event.
    pub(crate) fn report(&self) {
        let (effect, outcome) = (self.effect, self.outcome.as_str());
        counter!(EFFECTS, "effect" => effect, "outcome" => outcome).increment(1);
        histogram!(EFFECT_SECONDS, "effect" => effect).record(self.took);
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: EFFECT_TARGET,
                    tracing::Level::$level,
                    effect,
                    label = self.intent.label,
                    effect_id = %self.intent.id,
                    consumer = self.intent.origin.consumer,
                    id = ?self.intent.origin.id,
                    attempt = self.attempt,
                    outcome,
                    error = self.error,
                    call_us = self.took.as_micros() as u64,
                    "effect called"
                )
            };
        }
        match self.outcome {
            EffectOutcome::Done => event!(DEBUG),
            EffectOutcome::Retried => event!(INFO),
            EffectOutcome::Failed | EffectOutcome::Unknown | EffectOutcome::Late => event!(WARN),
        }
    }
}

/// Counts a lease that was renewed.
pub(crate) fn effect_renewed(effect: &'static str) {
    counter!(EFFECT_RENEWALS, "effect" => effect).increment(1);
}

/// Counts a result that was replayed.
pub(crate) fn effect_replayed(effect: &'static str) {
    counter!(EFFECT_REPLAYS, "effect" => effect).increment(1);
}

/// Counts an effect that is to be undone.
pub(crate) fn effect_compensated(effect: &'static str) {
    counter!(EFFECT_COMPENSATIONS, "effect" => effect).increment(1);
}

/// Sets the gauge of this process.
pub(crate) fn effects_in_flight(calls: usize) {
    gauge!(EFFECTS_IN_FLIGHT).set(calls as f64);
}

/// Sets the gauges of the ledger.
pub(crate) fn effects_counted(counts: &EffectCounts) {
    let states = [
        ("planned", counts.planned),
        ("started", counts.started),
        ("failed", counts.failed),
        ("unknown", counts.unknown),
    ];
    for (state, rows) in states {
        gauge!(EFFECT_ROWS, "state" => state).set(rows as f64);
    }
    gauge!(EFFECTS_OVERDUE).set(counts.overdue.as_secs_f64());
}
