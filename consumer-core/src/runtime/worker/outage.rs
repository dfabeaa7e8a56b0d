//! What a worker does while the infrastructure is in trouble.

use std::time::Duration;

use super::Worker;
use crate::{
    broker::Broker,
    circuit::{Move, Sign},
    classify::Class,
    clock,
    error::Chain,
    retry::outage_wait,
    runtime::{
        gate::Position,
        job::Fate,
        session::Slot,
        unit::{Ending, Failure},
    },
    storage::Storage,
};

/// A conflict that has waited this long has waited for a lock that somebody holds, and met no rival of the moment.
const LOCK_TROUBLE: Duration = Duration::from_secs(1);

impl<S: Storage, B: Broker> Worker<S, B> {
    /// Waits until the circuit breaker lets a delivery through; a fate instead, if the consumer is to give back what it holds.
    pub(super) async fn pass(&self, slot: &mut Slot<S>) -> Option<Fate> {
        loop {
            match self.consumer.breaker.next(self.number) {
                Move::Go => return None,
                Move::Probe(wait) => {
                    if !self.wait_while_open(wait).await {
                        return Some(self.held_back());
                    }
                    let answered = self.answers(slot).await;
                    self.consumer.breaker.probed(answered);
                }
                Move::Wait => tokio::select! {
                    () = self.consumer.breaker.changes(self.number) => {}
                    _ = self.consumer.gate.reaches(Position::gives_back) => return Some(self.held_back()),
                },
            }
        }
    }

    /// Waits for the rate limit, likewise.
    pub(super) async fn wait_for_its_place(&self) -> Option<Fate> {
        tokio::select! {
            biased;
            () = self.consumer.limit.pass(&self.consumer.instruments) => None,
            _ = self.consumer.gate.reaches(Position::gives_back) => Some(self.held_back()),
        }
    }

    fn held_back(&self) -> Fate {
        Fate::requeue("handed-back", &self.consumer.breaker.complaint().unwrap_or_default())
    }

    /// What the end of a unit says about the infrastructure.
    pub(super) fn sign(&self, ending: &Ending, took: Duration) -> Sign {
        let trouble = |what: &str| Sign::Trouble(what.to_owned());
        if self.consumer.config.breaker.slow.is_some_and(|slow| took >= slow) {
            return Sign::Trouble(format!("a unit took {took:?}"));
        }
        match ending {
            Ending::Done | Ending::Duplicate(_) => Sign::Healthy,
            Ending::Unknown(error) => trouble(error),
            Ending::Failed(Failure { class, error, .. }) => match class {
                Class::ServerAway | Class::OutOfSpace | Class::DeployWrong | Class::TimeLimit => {
                    Sign::Trouble(format!("{}: {error}", class.as_str()))
                }
                Class::Conflict if took >= LOCK_TROUBLE => trouble(error),
                Class::Conflict => Sign::Nothing,
                Class::Transient | Class::Permanent => Sign::Healthy,
            },
            Ending::Busy(..) | Ending::Rejected(_) | Ending::Unseen(_) | Ending::Abandoned => Sign::Nothing,
        }
    }

    /// Waits until the database answers again; a fate instead, if the consumer is to give back what it holds.
    pub(super) async fn sit_out(
        &self,
        wait: Duration,
        failure: &Failure,
        slot: &mut Slot<S>,
    ) -> Option<Fate> {
        let Failure { class, error, .. } = failure;
        tracing::warn!(class = class.as_str(), error, wait_ms = wait.as_millis() as u64, "pausing");
        self.consumer.vitals.outage(self.number, Some(format!("{}: {error}", class.as_str())));
        let mut wait = wait;
        let mut failures = 0;
        let fate = loop {
            if !self.consumer.breaker.is_closed() {
                break self.pass(slot).await;
            }
            if !self.wait_while_open(wait).await {
                break Some(Fate::requeue(class.as_str(), error));
            }
            match self.answers(slot).await {
                Ok(()) => break self.pass(slot).await,
                Err(error) => self.consumer.breaker.ended(self.number, Sign::Trouble(error)),
            }
            failures += 1;
            wait = outage_wait(failures, fastrand::f64());
        };
        self.consumer.vitals.outage(self.number, None);
        fate
    }

    /// Whether the database answers, or why not.
    pub(super) async fn answers(&self, slot: &mut Slot<S>) -> Result<(), String> {
        let pinged = slot.ping().await;
        pinged.map_err(|error| format!("the database does not answer: {}", Chain(error.as_ref())))
    }

    /// Waits; `false` as soon as the consumer is to give back what it holds.
    pub(super) async fn wait_while_open(&self, wait: Duration) -> bool {
        tokio::select! {
            () = clock::sleep(wait) => true,
            _ = self.consumer.gate.reaches(Position::gives_back) => false,
        }
    }

    /// Waits after a failure that keeps a delivery from being settled; `false` as soon as the consumer is to give back what it
    /// holds. Says why meanwhile.
    pub(super) async fn patience(&self, complaint: &str, failures: &mut u32) -> bool {
        tracing::warn!("{complaint}");
        self.consumer.vitals.outage(self.number, Some(complaint.to_owned()));
        let goes_on = self.wait_while_open(outage_wait(*failures, fastrand::f64())).await;
        *failures = failures.saturating_add(1);
        self.consumer.vitals.outage(self.number, None);
        goes_on
    }
}
