//! The unit of a batch: several events that commit together, or not at all.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use tokio_util::sync::CancellationToken;

use super::{
    consumer::Consumer,
    job::{BoxedJob, UNREAD},
    session::Slot,
    unit::{Call, Ending, Failure, Told, call, taken},
};
use crate::{
    classify::Class,
    clock,
    departures::Departures,
    error::Chain,
    fault,
    handler::{Context, Decoded, HandlerError, Meta},
    inbox::{Claim, Claimed, StoredClaim},
    message::{ClaimKey, Rejection},
    storage::{Commit, Extent, Rollback, Storage, StorageError},
    telemetry::Times,
};

/// One delivery of a batch, with the claim that this unit makes for its event.
pub(super) struct Member {
    pub(super) job: BoxedJob,
    pub(super) claim: Claim,
}

impl Member {
    /// The event for a handler.
    fn event<S: Storage>(&mut self, consumer: &Consumer<S>) -> Result<(Decoded, Meta), HandlerError> {
        let (meta, prepared) = self.job.prepared().ok_or_else(|| HandlerError::permanent(UNREAD))?;
        Ok((prepared.event(consumer, meta).map_err(rejected)?, meta.with_attempt(1)))
    }
}

/// The deliveries of a batch: those of different events, and those that repeat one of them.
pub(super) struct Members {
    pub(super) first: Vec<Member>,
    /// Each with the place of the one that it repeats.
    pub(super) repeats: Vec<(usize, Member)>,
}

impl Members {
    /// Events in the order of their keys, those of one key in the order in which they came, those without one at last: so two
    /// batches that are not of one process go through shared rows in one direction.
    pub(super) fn of(mut members: Vec<Member>) -> Self {
        members.sort_by(|a, b| match (a.job.key(), b.job.key()) {
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        });
        let mut places: HashMap<ClaimKey, usize, RandomState> =
            HashMap::with_capacity_and_hasher(members.len(), RandomState::default());
        let (mut first, mut repeats) = (Vec::with_capacity(members.len()), Vec::new());
        for member in members {
            match places.get(&member.claim.key) {
                Some(place) => repeats.push((*place, member)),
                None => {
                    places.insert(member.claim.key, first.len());
                    first.push(member);
                }
            }
        }
        Self { first, repeats }
    }
}

/// What became of one event of a batch that was committed.
pub(super) enum Part {
    Done,
    /// Committed before, or somebody else's id.
    Taken(StoredClaim),
    /// The handler could not decide it: it is processed by itself.
    Undecided,
}

/// How the unit of a batch has ended.
pub(super) enum BatchEnding {
    /// Committed: what became of each event.
    Done(Vec<Part>),
    /// Nothing remains of it.
    Undone(Failure),
    /// Committed or not: the claims will tell.
    Unknown(String),
    /// The transaction was ended by somebody else, or the connection was lost: each claim has to be looked for.
    InDoubt(Failure, Told),
    /// The runtime is stopping at once; nothing remains of it.
    Abandoned,
}

/// Runs the unit of one batch on a worker's session.
pub(super) struct BatchUnit<'u, S: Storage> {
    pub(super) consumer: &'u Consumer<S>,
    pub(super) slot: &'u mut Slot<S>,
    pub(super) abort: &'u CancellationToken,
    pub(super) times: Times,
}

/// Why a transaction is given up before its commit.
enum Stop {
    /// Nothing in it is to be kept.
    Failed(HandlerError),
    /// A handler was cut off half-way, so that nobody knows what the connection is doing.
    CutOff(HandlerError),
    Abandoned,
}

/// What the handlers of a batch have left.
struct Handled {
    departures: Departures,
    /// Which of the fresh events could not be decided.
    undecided: Vec<usize>,
}

/// How the transaction of a batch has ended.
enum Transaction {
    NotBegun(StorageError),
    NotClaimed(StorageError, Rollback),
    /// A claim that stood in the way vanished.
    Vanished(Rollback),
    /// Nothing in it was new.
    Nothing(Vec<Part>, Rollback),
    Committed(Commit, Vec<Part>),
    RolledBack(HandlerError, Rollback),
    CutOff(HandlerError),
    Abandoned,
}

impl<S: Storage> BatchUnit<'_, S> {
    /// The whole unit.
    pub(super) async fn run(&mut self, members: &mut [Member]) -> BatchEnding {
        let transaction = self.transact(members).await;
        self.conclude(transaction)
    }

    async fn transact(&mut self, members: &mut [Member]) -> Transaction {
        let (consumer, storage, abort) = (self.consumer, &self.consumer.storage, self.abort);
        let started = clock::now();
        let session = match self.slot.open().await {
            Ok(session) => session,
            Err(error) => return Transaction::NotBegun(error),
        };
        let mut tx = match storage.begin(session, Extent::Many).await {
            Ok(tx) => tx,
            Err(error) => return Transaction::NotBegun(error),
        };
        let claims: Vec<_> = members.iter().map(|member| member.claim.clone()).collect();
        let claimed = match storage.claim_many(&mut tx, &claims).await {
            Ok(claimed) => claimed,
            Err(error) => return Transaction::NotClaimed(error, storage.roll_back(tx).await),
        };
        let Some((mut parts, fresh)) = parts(claimed) else {
            return Transaction::Vanished(storage.roll_back(tx).await);
        };
        if fresh.is_empty() {
            return Transaction::Nothing(parts, storage.roll_back(tx).await);
        }
        self.times.claim = started.elapsed();
        fault::kill_point("K2");

        let started = clock::now();
        let handled = match consumer.handler.takes_batches() {
            true => handle_all(consumer, abort, members, &fresh, &mut tx).await,
            false => handle_each(consumer, abort, members, &fresh, &mut tx).await,
        };
        self.times.handler = started.elapsed();
        fault::kill_point("K4");
        let Handled { departures, undecided } = match handled {
            Ok(handled) => handled,
            Err(Stop::Failed(error)) => return Transaction::RolledBack(error, storage.roll_back(tx).await),
            Err(Stop::CutOff(error)) => return Transaction::CutOff(error),
            Err(Stop::Abandoned) => return Transaction::Abandoned,
        };

        let started = clock::now();
        if !undecided.is_empty() {
            let given_up: Vec<_> = undecided.iter().map(|&place| claims[place].clone()).collect();
            if let Err(error) = storage.unclaim(&mut tx, &given_up).await {
                return Transaction::NotClaimed(error, storage.roll_back(tx).await);
            }
            undecided.iter().for_each(|&place| parts[place] = Part::Undecided);
        }
        fault::kill_point("K5");
        let commit = storage.commit(tx, &departures).await;
        self.times.commit = started.elapsed();
        if matches!(commit, Commit::Done | Commit::Unknown(_)) {
            consumer.effects.departed(&departures);
        }
        Transaction::Committed(commit, parts)
    }

    fn conclude(&mut self, transaction: Transaction) -> BatchEnding {
        match transaction {
            Transaction::NotBegun(error) => {
                self.slot.close();
                self.undone("cannot begin a transaction", &error, Class::ServerAway)
            }
            Transaction::NotClaimed(error, rolled_back) => {
                self.keep_if(&rolled_back);
                self.undone("cannot claim the events of a batch", &error, Class::ServerAway)
            }
            Transaction::Vanished(rolled_back) => {
                self.keep_if(&rolled_back);
                BatchEnding::Undone(Failure::new(Class::Conflict, "a claim vanished while it was looked at"))
            }
            Transaction::Nothing(parts, rolled_back) => {
                self.keep_if(&rolled_back);
                BatchEnding::Done(parts)
            }
            Transaction::Committed(commit, parts) => self.committed(commit, parts),
            Transaction::RolledBack(error, rolled_back) => self.rolled_back(&error, rolled_back),
            Transaction::CutOff(error) => {
                let failure = Failure::of_handler(&self.consumer.storage, &error);
                self.in_doubt(failure, Told::Nothing)
            }
            Transaction::Abandoned => {
                self.slot.close();
                BatchEnding::Abandoned
            }
        }
    }

    /// Keeps the session only where it is known what it holds.
    fn keep_if(&mut self, rolled_back: &Rollback) {
        if !matches!(rolled_back, Rollback::Done) {
            self.slot.close();
        }
    }

    fn undone(&self, doing: &str, error: &StorageError, unknown: Class) -> BatchEnding {
        BatchEnding::Undone(Failure::of_storage(&self.consumer.storage, doing, error, unknown))
    }

    fn rolled_back(&mut self, error: &HandlerError, rolled_back: Rollback) -> BatchEnding {
        let failure = Failure::of_handler(&self.consumer.storage, error);
        match rolled_back {
            Rollback::Done => BatchEnding::Undone(failure),
            Rollback::Ended => self.in_doubt(failure.of_a_server_that_is_there(), Told::Gone),
            Rollback::Lost(_) => self.in_doubt(failure, Told::Nothing),
        }
    }

    fn in_doubt(&mut self, failure: Failure, told: Told) -> BatchEnding {
        self.slot.close();
        BatchEnding::InDoubt(failure, told)
    }

    fn committed(&mut self, commit: Commit, parts: Vec<Part>) -> BatchEnding {
        match commit {
            Commit::Done => BatchEnding::Done(parts),
            Commit::Aborted(error) => self.undone(
                "a handler of the batch swallowed the error of a statement, and the database has aborted the transaction",
                &error,
                Class::Transient,
            ),
            Commit::Refused(error) => self.undone("the database refused the commit", &error, Class::Transient),
            Commit::Ended => {
                let error =
                    "a handler of the batch returned `Ok`, but the transaction that holds the claims was no longer there";
                self.in_doubt(Failure::new(Class::Transient, error), Told::Gone)
            }
            Commit::Lost(error) => {
                let doing = "the connection was lost before the commit";
                let failure = Failure::of_storage(&self.consumer.storage, doing, &error, Class::Transient);
                self.in_doubt(failure, Told::Nothing)
            }
            Commit::Unknown(error) => {
                self.slot.close();
                BatchEnding::Unknown(format!(
                    "the connection was lost while committing: {}",
                    Chain(error.as_ref())
                ))
            }
        }
    }
}

/// Calls the handler for one event after the other, under one limit and one eye on the abort.
async fn handle_each<S: Storage>(
    consumer: &Consumer<S>,
    abort: &CancellationToken,
    members: &mut [Member],
    fresh: &[usize],
    tx: &mut S::Tx<'_>,
) -> Result<Handled, Stop> {
    let all = async {
        let mut departures = Departures::default();
        for (nth, &place) in fresh.iter().enumerate() {
            let (event, meta) = members[place].event(consumer)?;
            let cx = Context::new(meta, consumer.states.clone(), Arc::clone(&consumer.nothing_completed));
            consumer.handler.handle(event, &cx, &mut *tx).await?;
            if nth == 0 {
                fault::kill_point("B1");
            }
            departures.add(consumer.effects.departures(&cx, &members[place].claim)?);
        }
        Ok(Handled { departures, undecided: Vec::new() })
    };
    outcome(call(abort, consumer.batch_limit(), all).await)
}

/// Calls the handler once, with all events.
async fn handle_all<S: Storage>(
    consumer: &Consumer<S>,
    abort: &CancellationToken,
    members: &mut [Member],
    fresh: &[usize],
    tx: &mut S::Tx<'_>,
) -> Result<Handled, Stop> {
    let (mut events, mut metas) = (Vec::with_capacity(fresh.len()), Vec::with_capacity(fresh.len()));
    for &place in fresh {
        let (event, meta) = members[place].event(consumer).map_err(Stop::Failed)?;
        events.push(event);
        metas.push(meta);
    }
    let cx = Context::of_batch(metas, consumer.states.clone());
    let handler = consumer.handler.handle_all(events, &cx, tx);
    let failures = outcome(call(abort, consumer.batch_limit(), handler).await)?;
    let undecided: Vec<_> = failures.into_iter().filter_map(|(nth, _)| fresh.get(nth).copied()).collect();
    let mut departures = Departures::default();
    for (nth, &place) in fresh.iter().enumerate().filter(|(_, place)| !undecided.contains(place)) {
        let sent = consumer.effects.departures_of(&cx, nth, &members[place].claim).map_err(Stop::Failed)?;
        departures.add(sent);
    }
    Ok(Handled { departures, undecided })
}

/// What was found under each claim, and the places of those that are fresh; `None` if one vanished.
fn parts(claimed: Vec<Claimed>) -> Option<(Vec<Part>, Vec<usize>)> {
    let (mut parts, mut fresh) = (Vec::with_capacity(claimed.len()), Vec::with_capacity(claimed.len()));
    for (place, claimed) in claimed.into_iter().enumerate() {
        parts.push(match claimed {
            Claimed::Fresh => {
                fresh.push(place);
                Part::Done
            }
            Claimed::Taken(stored) => Part::Taken(stored),
            Claimed::Vanished => return None,
        });
    }
    Some((parts, fresh))
}

/// What becomes of a delivery whose event was already met in the same batch.
pub(super) fn repeated(part: &Part, first: &Claim, repeat: &Claim) -> Option<Ending> {
    match part {
        Part::Done => Some(taken(repeat, &StoredClaim::new(first.stamp(), first.readable_id.clone()))),
        Part::Taken(stored) => Some(taken(repeat, stored)),
        Part::Undecided => None,
    }
}

fn rejected(rejection: Rejection) -> HandlerError {
    HandlerError::permanent(rejection.detail)
}

fn outcome<T>(call: Call<T>) -> Result<T, Stop> {
    match call {
        Call::Returned(result) => result.map_err(Stop::Failed),
        Call::CutOff(error) => Err(Stop::CutOff(error)),
        Call::Abandoned => Err(Stop::Abandoned),
    }
}
