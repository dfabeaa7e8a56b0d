//! One unit: begin, claim, handler, guard, commit — and what every other ending means.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{
    consumer::Consumer,
    effects::{self, Completing, Stop},
    gate::Position,
    intake::Prepared,
    session::Slot,
};
use crate::{
    classify::{Class, walk},
    clock,
    error::Chain,
    fault,
    handler::{Context, Decoded, HandlerError, Meta, panic_text},
    inbox::{Claim, Claimed, Repeat, StoredClaim, compare},
    message::{Reason, Rejection},
    storage::{Commit, Extent, Rollback, Storage, StorageError},
    telemetry::Times,
};

/// How a unit has ended.
pub(super) enum Ending {
    /// Committed.
    Done,
    /// Nothing to do: committed before.
    Duplicate(Repeat),
    /// Not begun: another delivery of the event calls an effect that it needs. Again after this wait.
    Busy(Duration, String),
    /// Nothing remains of it; the class says what happens next.
    Failed(Failure),
    /// Nothing remains of it, and no attempt can help.
    Rejected(Rejection),
    /// Committed or not: the claim will tell the next unit.
    Unknown(String),
    /// Nobody could look what remains of it before the consumer was told to give back what it holds.
    Unseen(Failure),
    /// The runtime is stopping at once; nothing remains of it.
    Abandoned,
}

/// Why a unit failed.
#[derive(Clone)]
pub(super) struct Failure {
    pub(super) class: Class,
    pub(super) retry_after: Option<Duration>,
    pub(super) error: String,
    /// Whether the event was touched: if not, it is not to blame.
    pub(super) touched: bool,
}

impl Failure {
    pub(super) fn new(class: Class, error: impl Into<String>) -> Self {
        Self { class, retry_after: None, error: error.into(), touched: true }
    }

    /// An error of the storage, of class `unknown` if it does not know one.
    pub(super) fn of_storage<S: Storage>(
        storage: &S,
        doing: &str,
        error: &StorageError,
        unknown: Class,
    ) -> Self {
        let error: &(dyn std::error::Error + 'static) = error.as_ref();
        let class = walk(error, |link| storage.classify(link)).unwrap_or(unknown);
        Self::new(class, format!("{doing}: {}", Chain(error)))
    }

    /// An error of the handler. Asking it runs the user's code, which may panic.
    pub(super) fn of_handler<S: Storage>(storage: &S, error: &HandlerError) -> Self {
        let asked = catch_unwind(AssertUnwindSafe(|| {
            let (class, retry_after) = error.classify(storage);
            Self { class, retry_after, error: error.to_string(), touched: true }
        }));
        asked.unwrap_or_else(|panic| {
            Self::new(Class::Transient, format!("the error of the handler panicked: {}", panic_text(&*panic)))
        })
    }

    /// The server has just said that the transaction is gone, so it is not away: an error that looks like it comes of what a
    /// handler did outside.
    pub(super) fn of_a_server_that_is_there(mut self) -> Self {
        if self.class == Class::ServerAway {
            self.class = Class::Transient;
            self.error = format!("the transaction that holds the claim was no longer there: {}", self.error);
        }
        self
    }
}

/// How a call of the handler has ended.
pub(super) enum Call<T> {
    Returned(Result<T, HandlerError>),
    /// Its time was up and its future was dropped half-way, so that nobody knows what the connection is doing.
    CutOff(HandlerError),
    Abandoned,
}

/// How the transaction of a unit has ended.
enum Transaction {
    NotBegun(StorageError),
    NotClaimed(Result<Claimed, StorageError>, Rollback),
    /// An effect was undone since its result was read, or nobody can tell.
    NotKept(Result<bool, StorageError>, Rollback),
    Committed(Commit),
    RolledBack(HandlerError, Rollback),
    CutOff(HandlerError),
    Abandoned,
}

/// Runs units on a worker's session.
pub(super) struct Unit<'u, S: Storage> {
    pub(super) consumer: &'u Consumer<S>,
    /// Which worker it is.
    pub(super) number: usize,
    pub(super) slot: &'u mut Slot<S>,
    pub(super) abort: &'u CancellationToken,
    pub(super) times: Times,
}

impl<S: Storage> Unit<'_, S> {
    /// The whole unit.
    pub(super) async fn run(&mut self, meta: Meta, claim: &Claim, prepared: &mut Prepared) -> Ending {
        let event = match prepared.event(self.consumer, &meta) {
            Ok(event) => event,
            Err(rejection) => return Ending::Rejected(rejection),
        };
        let claim = claim.by_another_unit();
        if self.consumer.storm.is_on()
            && let Some(ending) = self.look_first(&claim).await
        {
            return ending;
        }
        let (consumer, abort) = (self.consumer, self.abort);
        let requests = effects::requests(consumer, &event);
        let completing = Completing { consumer, meta: &meta, claim: &claim, abort };
        let completed = match completing.run(requests, self.slot).await {
            Ok(completed) => completed,
            Err(stop) => return self.stopped(stop, &claim),
        };
        let cx = Context::new(meta, consumer.states.clone(), completed);
        fault::kill_point("K1");
        let transaction = self.transact(event, &cx, &claim).await;
        self.conclude(transaction, &claim).await
    }

    /// How the unit ends if the event is known to be a duplicate already, or nobody can look.
    async fn look_first(&mut self, claim: &Claim) -> Option<Ending> {
        match self.look(claim).await {
            Ok(stored) => stored.map(|stored| taken(claim, &stored)),
            Err(error) => Some(self.not_begun("cannot look for the claim", &error)),
        }
    }

    fn stopped(&mut self, stop: Stop, claim: &Claim) -> Ending {
        match stop {
            Stop::Taken(stored) => taken(claim, &stored),
            Stop::Busy(after, why) => Ending::Busy(after, why),
            Stop::Failed(failure) => Ending::Failed(failure),
            Stop::Rejected(rejection) => Ending::Rejected(rejection),
            Stop::Abandoned => {
                self.slot.close();
                Ending::Abandoned
            }
        }
    }

    async fn transact(&mut self, event: Decoded, cx: &Context, claim: &Claim) -> Transaction {
        let storage = &self.consumer.storage;
        let started = clock::now();
        let session = match self.slot.open().await {
            Ok(session) => session,
            Err(error) => return Transaction::NotBegun(error),
        };
        let mut tx = match storage.begin(session, Extent::One).await {
            Ok(tx) => tx,
            Err(error) => return Transaction::NotBegun(error),
        };
        let claim_late = fault::is_mutant("claim-after-handler");
        if !claim_late {
            match storage.claim(&mut tx, claim).await {
                Ok(Claimed::Fresh) => {}
                found => return Transaction::NotClaimed(found, storage.roll_back(tx).await),
            }
            match effects::keep(self.consumer, claim, &mut tx).await {
                Ok(true) => {}
                kept => return Transaction::NotKept(kept, storage.roll_back(tx).await),
            }
        }
        self.times.claim = started.elapsed();
        fault::kill_point("K2");

        let started = clock::now();
        let call =
            call(self.abort, self.consumer.spec.timeout, self.consumer.handler.handle(event, cx, &mut tx))
                .await;
        self.times.handler = started.elapsed();
        fault::kill_point("K4");
        if claim_late {
            let _ = storage.claim(&mut tx, claim).await;
        }

        match call {
            Call::Returned(Ok(())) => {
                let departures = match self.consumer.effects.departures(cx, claim) {
                    Ok(departures) => departures,
                    Err(error) => return Transaction::RolledBack(error, storage.roll_back(tx).await),
                };
                let started = clock::now();
                fault::kill_point("K5");
                if fault::is_mutant("effect-inside-transaction") {
                    self.consumer.effects.call_at_once(cx, &departures).await;
                }
                let commit = storage.commit(tx, &departures).await;
                self.times.commit = started.elapsed();
                if matches!(commit, Commit::Done | Commit::Unknown(_)) {
                    self.consumer.effects.departed(&departures);
                }
                Transaction::Committed(commit)
            }
            Call::Returned(Err(error)) => Transaction::RolledBack(error, storage.roll_back(tx).await),
            Call::CutOff(error) => Transaction::CutOff(error),
            Call::Abandoned => Transaction::Abandoned,
        }
    }

    async fn conclude(&mut self, transaction: Transaction, claim: &Claim) -> Ending {
        match transaction {
            Transaction::NotBegun(error) => self.not_begun("cannot begin a transaction", &error),
            Transaction::NotClaimed(found, rolled_back) => self.not_claimed(found, rolled_back, claim),
            Transaction::NotKept(kept, rolled_back) => self.not_kept(kept, &rolled_back),
            Transaction::Committed(commit) => self.committed(commit, claim).await,
            Transaction::RolledBack(error, rolled_back) => self.rolled_back(&error, rolled_back, claim).await,
            Transaction::CutOff(error) => {
                let failure = Failure::of_handler(&self.consumer.storage, &error);
                self.ended(failure, claim, Told::Nothing).await
            }
            Transaction::Abandoned => {
                self.slot.close();
                Ending::Abandoned
            }
        }
    }

    fn not_begun(&mut self, doing: &str, error: &StorageError) -> Ending {
        self.slot.close();
        let failure = Failure::of_storage(&self.consumer.storage, doing, error, Class::ServerAway);
        Ending::Failed(Failure { touched: false, ..failure })
    }

    fn failed(&self, doing: &str, error: &StorageError, unknown: Class) -> Ending {
        Ending::Failed(Failure::of_storage(&self.consumer.storage, doing, error, unknown))
    }

    fn not_claimed(
        &mut self,
        found: Result<Claimed, StorageError>,
        rolled_back: Rollback,
        claim: &Claim,
    ) -> Ending {
        if !matches!(rolled_back, Rollback::Done) {
            self.slot.close();
        }
        match found {
            Ok(Claimed::Taken(stored)) => taken(claim, &stored),
            Ok(_) => {
                Ending::Failed(Failure::new(Class::Conflict, "the claim vanished while it was looked at"))
            }
            Err(error) => self.failed("cannot claim the event", &error, Class::ServerAway),
        }
    }

    /// The next unit finds what became of its effects.
    fn not_kept(&mut self, kept: Result<bool, StorageError>, rolled_back: &Rollback) -> Ending {
        if !matches!(rolled_back, Rollback::Done) {
            self.slot.close();
        }
        match kept {
            Ok(_) => Ending::Failed(Failure::new(
                Class::Conflict,
                "an effect of this event was undone for a dead letter of another delivery",
            )),
            Err(error) => self.failed("cannot keep the effects of the event", &error, Class::ServerAway),
        }
    }

    async fn committed(&mut self, commit: Commit, claim: &Claim) -> Ending {
        match commit {
            Commit::Done => Ending::Done,
            Commit::Aborted(error) => Ending::Failed(Failure::new(
                Class::Transient,
                format!(
                    "the handler returned `Ok`, but it swallowed the error of a statement and the database has \
                     aborted the transaction; return the error instead: {}",
                    Chain(error.as_ref())
                ),
            )),
            Commit::Ended => {
                let error =
                    "the handler returned `Ok`, but the transaction that holds the claim was no longer there";
                self.ended(Failure::new(Class::Transient, error), claim, Told::Gone).await
            }
            Commit::Refused(error) => {
                self.failed("the database refused the commit", &error, Class::Transient)
            }
            Commit::Lost(error) => {
                let doing = "the connection was lost before the commit";
                let storage = &self.consumer.storage;
                let failure = Failure::of_storage(storage, doing, &error, Class::Transient);
                self.ended(failure, claim, Told::Nothing).await
            }
            Commit::Unknown(error) => {
                self.slot.close();
                Ending::Unknown(format!(
                    "the connection was lost while committing: {}",
                    Chain(error.as_ref())
                ))
            }
        }
    }

    async fn rolled_back(&mut self, error: &HandlerError, rolled_back: Rollback, claim: &Claim) -> Ending {
        let failure = Failure::of_handler(&self.consumer.storage, error);
        match rolled_back {
            Rollback::Done => Ending::Failed(failure),
            Rollback::Ended => self.ended(failure.of_a_server_that_is_there(), claim, Told::Gone).await,
            Rollback::Lost(_) => self.ended(failure, claim, Told::Nothing).await,
        }
    }

    /// The transaction that claimed is gone, whoever ended it. If its claim is committed, so is part of the handler's work,
    /// and another delivery would pass for a duplicate; if there is none, nothing happened; and if there is a rival's, who
    /// had waited for ours to end, the event is processed.
    pub(super) async fn ended(&mut self, failure: Failure, claim: &Claim, told: Told) -> Ending {
        self.slot.close();
        let mut failures = 0;
        let ending = loop {
            match self.look(claim).await {
                Ok(None) => break Ending::Failed(failure),
                Ok(Some(stored)) if stored.unit == claim.unit => {
                    break transaction_ended(&failure, "part of its work is committed");
                }
                Ok(Some(rivals)) => break taken(claim, &rivals),
                Err(error) => self.cannot_look(&error),
            }
            let wait = crate::retry::outage_wait(failures, fastrand::f64());
            failures += 1;
            tokio::select! {
                () = clock::sleep(wait) => {}
                () = self.abort.cancelled(), if told == Told::Gone => {
                    break transaction_ended(&failure, "part of its work may be committed; nobody could look");
                }
                _ = self.consumer.gate.reaches(Position::gives_back), if told == Told::Nothing => {
                    break Ending::Unseen(failure);
                }
            }
        };
        self.consumer.vitals.outage(self.number, None);
        ending
    }

    async fn look(&mut self, claim: &Claim) -> Result<Option<StoredClaim>, StorageError> {
        let session = self.slot.open().await?;
        self.consumer.storage.find(session, claim.consumer, claim.key).await
    }

    fn cannot_look(&mut self, error: &StorageError) {
        self.slot.close();
        let complaint = format!(
            "a transaction has ended, and whether its claim is committed cannot be looked up: {}",
            Chain(error.as_ref())
        );
        tracing::warn!("{complaint}");
        self.consumer.vitals.outage(self.number, Some(complaint));
    }
}

/// What the database has said of a transaction that is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// That it was ended before, by a statement of the handler or by itself: part of the work may be committed, and another
    /// delivery would pass for a duplicate.
    Gone,
    /// Nothing, because the connection is gone: as if the process had died here.
    Nothing,
}

pub(super) fn taken(claim: &Claim, stored: &StoredClaim) -> Ending {
    match compare(claim, stored) {
        Repeat::IdReused => Ending::Rejected(Rejection::new(
            Reason::IdReused,
            "another body was processed under this id; publish it again with an id of its own",
        )),
        repeat => Ending::Duplicate(repeat),
    }
}

fn transaction_ended(failure: &Failure, what: &str) -> Ending {
    let detail = format!(
        "the transaction that holds the claim was ended inside the handler (COMMIT, ROLLBACK, or DDL on MySQL) and \
         {what}; complete it by hand, and take the statement out of the handler: {}",
        failure.error
    );
    Ending::Rejected(Rejection::new(Reason::TransactionEnded, detail))
}

/// Calls the handler under its timeout, catching panics.
pub(super) async fn call<T>(
    abort: &CancellationToken,
    limit: Duration,
    handler: impl Future<Output = Result<T, HandlerError>>,
) -> Call<T> {
    let guarded = clock::timeout(limit, AssertUnwindSafe(handler).catch_unwind());
    tokio::select! {
        biased;
        result = guarded => match result {
            Ok(Ok(result)) => Call::Returned(result),
            // As good as an error: between two polls the connection is at rest, and can be asked whose transaction it is.
            Ok(Err(panic)) => Call::Returned(Err(HandlerError::panicked(&*panic as &(dyn Any + Send)))),
            Err(_) => Call::CutOff(HandlerError::timed_out(limit)),
        },
        () = abort.cancelled() => Call::Abandoned,
    }
}
