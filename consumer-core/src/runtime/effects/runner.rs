//! The runner: calls the effects that were scheduled, after the commit that scheduled them.

use std::{sync::Arc, time::Duration};

use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Instrument;

use super::{attempt::Attempt, calls::Calls, desk::Desk, ledger::Ledger, watch::watch};
use crate::{
    clock,
    clock::Instant,
    departures::Departures,
    effect::{Ending, Leased},
    error::Chain,
    fault,
    handler::Meta,
    retry::outage_wait,
    runtime::session::Slot,
    storage::{Storage, UnitLimits},
    telemetry::effects_in_flight,
};

/// The limits of the runner's session, which runs no handler: a statement on the ledger takes milliseconds.
const LIMITS: UnitLimits = UnitLimits { handler: Duration::from_secs(30), grace: Duration::from_secs(5) };

/// Calls scheduled effects; one per runtime, any number of processes.
pub(in crate::runtime) struct Runner<S: Storage> {
    pub(in crate::runtime) storage: S,
    pub(in crate::runtime) ledger: Arc<Ledger>,
    /// Cancelled when nothing new is to be begun.
    pub(in crate::runtime) stop: CancellationToken,
    /// Cancelled when the grace is over.
    pub(in crate::runtime) abort: CancellationToken,
}

/// The runner's own session.
type OwnDesk<S> = Arc<Desk<S, Slot<S>>>;

/// When to look for effects that are due.
struct Pace {
    /// Whether some may be.
    hungry: bool,
    next: Instant,
    failures: u32,
}

impl<S: Storage> Runner<S> {
    /// Runs until it is told to stop and nothing is being called.
    pub(in crate::runtime) async fn run(self) {
        let wait = metrics::histogram!(crate::telemetry::SESSION_WAIT, "consumer" => "effects");
        let slot = Slot::new(self.storage.clone(), LIMITS, wait);
        let desk = Arc::new(Desk::new(self.storage.clone(), slot));
        let watching = AbortOnDropHandle::new(tokio::spawn(watch(desk.clone())));
        let names = self.ledger.names();
        let mut calls = Calls::new(self.ledger.config().concurrency);
        let mut pace = Pace { hungry: true, next: clock::now(), failures: 0 };
        while !self.stop.is_cancelled() {
            if pace.hungry {
                self.begin(&desk, &names, &mut pace, &mut calls).await;
            }
            effects_in_flight(calls.len());
            self.rest(&mut pace, &mut calls).await;
        }
        while calls.ended().await.is_some() {
            effects_in_flight(calls.len());
        }
        drop(watching);
    }

    /// Leases what is due of the effects that have room, and starts the calls.
    async fn begin(&self, desk: &OwnDesk<S>, names: &[&'static str], pace: &mut Pace, calls: &mut Calls) {
        let config = self.ledger.config();
        let (names, free) = calls.room(names);
        if names.is_empty() {
            return;
        }
        match desk.lease(&names, config.lease, free).await {
            Ok(leased) => {
                pace.found(leased.len() == free, config.poll);
                for leased in leased {
                    calls.spawn(leased.intent.effect.clone(), self.see_through(desk.clone(), leased));
                }
            }
            Err(error) => {
                pace.failed();
                tracing::warn!(error = %Chain(error.as_ref()), "cannot look for effects that are due");
            }
        }
    }

    /// Waits until there may be something to do.
    async fn rest(&self, pace: &mut Pace, calls: &mut Calls) {
        let wait = pace.next.saturating_duration_since(clock::now());
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            Some(made_room) = calls.ended() => pace.hungry |= made_room,
            () = self.ledger.woken() => {
                pace.hungry = true;
                fault::kill_point("K12-planned");
            }
            () = clock::sleep(wait) => pace.poll(self.ledger.config().poll),
        }
    }

    fn see_through(&self, desk: OwnDesk<S>, leased: Leased) -> impl Future<Output = ()> + Send + use<S> {
        let (ledger, stop, abort) = (self.ledger.clone(), self.stop.clone(), self.abort.clone());
        let span = tracing::info_span!(
            "effect",
            effect = leased.intent.effect,
            id = %leased.intent.id,
            attempt = leased.attempts.saturating_add(1)
        );
        let call = async move {
            match ledger.get(&leased.intent.effect) {
                Some(effect) if !stop.is_cancelled() => {
                    let origin = &leased.intent.origin;
                    let meta = Meta::of_origin(origin, leased.attempts.saturating_add(1));
                    let attempt =
                        Attempt { ledger: &ledger, desk: &desk, effect, leased: &leased, abort: &abort };
                    attempt.make(&meta, &Arc::default()).await;
                }
                _ => give_back(&desk, &leased).await,
            }
        };
        call.instrument(span)
    }
}

/// Frees a row that was leased, and not called after all.
async fn give_back<S: Storage>(desk: &OwnDesk<S>, leased: &Leased) {
    if let Err(error) = desk.finish(leased, &Ending::Returned, &Departures::default()).await {
        tracing::warn!(error = %Chain(error.as_ref()), "cannot give an effect back; its lease runs out");
    }
}

impl Pace {
    fn found(&mut self, more: bool, poll: Duration) {
        (self.hungry, self.failures) = (more, 0);
        self.next = clock::now() + jittered(poll);
    }

    fn failed(&mut self) {
        self.hungry = false;
        self.next = clock::now() + outage_wait(self.failures, fastrand::f64());
        self.failures = self.failures.saturating_add(1);
    }

    fn poll(&mut self, interval: Duration) {
        self.hungry = true;
        self.next = clock::now() + jittered(interval);
    }
}

/// Between three quarters and five quarters of an interval, so that processes do not ask in step.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(0.75 + fastrand::f64() / 2.0)
}
