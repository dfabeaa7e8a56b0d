//! A redrive: letters go back to their queue, under the id they had.

use std::{collections::HashSet, num::NonZeroU32, time::Duration};

use super::{
    DeadLetters, LetterFilter, Refusal,
    desk::Desk,
    pace::Pace,
    roll::Place,
    round::{Round, key, title},
    taken::Taken,
    verdict::{self, Facts, Verdict},
};
use crate::{
    broker::{Broker, BrokerState, Publication},
    error::{Chain, Error, Result},
    failure::message_key,
    fault,
    inbox::{ConsumerId, StoredClaim},
    message::{ClaimKey, Envelope, Fingerprint, Message},
    storage::Storage,
};

/// As many problems as a report repeats.
const MOST_PROBLEMS: usize = 20;

/// How letters are redriven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redrive {
    /// At most so many letters in a second; 100 by default.
    pub per_second: Option<NonZeroU32>,
    /// How long claims are kept, so how old a letter may be; as its consumer's process has noted it, else 7 days.
    pub retention: Option<Duration>,
    /// Redrive letters that are older than that, too. If one of their events was processed, its claim may have been swept, and
    /// it takes effect a second time.
    pub force: bool,
    /// Acknowledge letters whose event was processed meanwhile, where the claim proves that it was this one, instead of leaving
    /// them in the queue. Not those that died for `transaction-ended` or `id-reused`: they wait for a person.
    pub discard_processed: bool,
    /// Only count: nothing is published, reset or acknowledged.
    pub dry_run: bool,
    /// Whose the letters are, whatever they say.
    pub consumer: Option<String>,
    /// The queue they go to, whatever they say.
    pub to: Option<String>,
}

impl Default for Redrive {
    fn default() -> Self {
        Self {
            per_second: NonZeroU32::new(100),
            retention: None,
            force: false,
            discard_processed: false,
            dry_run: false,
            consumer: None,
            to: None,
        }
    }
}

/// What became of the letters that were meant. Those that are neither redriven nor discarded are in the queue as before.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Redriven {
    /// How many letters there were, those in somebody else's hand not among them.
    pub depth: u64,
    /// How many of them were looked at.
    pub looked_at: u64,
    /// Published to their queue, and acknowledged.
    pub redriven: u64,
    /// Of these, older than claims are kept: a claim that would have stopped them may have been swept.
    pub although_old: u64,
    /// Left: [processed](Refusal::Processed) meanwhile.
    pub processed: u64,
    /// Acknowledged, because they were processed meanwhile.
    pub discarded: u64,
    /// Left: [too old](Refusal::TooOld).
    pub too_old: u64,
    /// Left: they died after the redrive had begun, or another letter of their event was redriven by it.
    pub skipped: u64,
    /// Left, for a cause of their own; see `problems`.
    pub failed: u64,
    /// The first of these causes.
    pub problems: Vec<String>,
    /// Why it ended before its time; the letters that were not looked at are in the queue as before.
    pub stopped: Option<Error>,
}

/// What became of one letter.
enum Outcome {
    Redriven { although_old: bool },
    Discarded,
    Processed,
    TooOld,
    Skipped,
    Failed(String),
}

impl Redriven {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Redriven { although_old } => {
                self.redriven += 1;
                self.although_old += u64::from(although_old);
            }
            Outcome::Discarded => self.discarded += 1,
            Outcome::Processed => self.processed += 1,
            Outcome::TooOld => self.too_old += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::Failed(problem) => {
                self.failed += 1;
                if self.problems.len() < MOST_PROBLEMS {
                    self.problems.push(problem);
                }
            }
        }
    }

    /// Whether all letters that were meant are gone from the queue, or would be.
    pub fn is_complete(&self) -> bool {
        self.processed + self.too_old + self.skipped + self.failed == 0 && self.stopped.is_none()
    }
}

impl<S: Storage, B: Broker> DeadLetters<S, B> {
    /// Publishes letters to the queue they died in, under the id they had, in the order of the dead-letter queue. The filter's
    /// limit counts those that are redriven.
    ///
    /// Of each, in this order: is its event processed meanwhile, or the letter older than claims are kept? Then it
    /// [stays](Refusal). Its failure record begins anew, so that it has all its attempts again. The message is published,
    /// without what the letter said of its failure, and confirmed; then the letter is acknowledged.
    ///
    /// It stops at the first error that is not of one letter: a database or a broker that is away, a queue that is missing
    /// or full.
    ///
    /// # Errors
    /// Like [`list`](Self::list), before the first letter; later ones are in [`Redriven::stopped`].
    ///
    /// # Cancel safety
    /// No letter is lost when the future is dropped; one may be in both queues.
    pub async fn redrive(&self, filter: &LetterFilter, options: &Redrive) -> Result<Redriven> {
        let mut round = Round::begin(self).await?;
        let mut report = Redriven { depth: round.reading.depth, ..Redriven::default() };
        let mut redriving = Redriving {
            letters: self,
            options,
            desk: Desk::open(&self.storage).await?,
            pace: Pace::of(options.per_second.filter(|_| !options.dry_run)),
            done: HashSet::new(),
        };
        while filter.limit.is_none_or(|limit| report.redriven < limit) {
            match redriving.next(&mut round, filter).await {
                Ok(Some(outcome)) => report.count(outcome),
                Ok(None) => break,
                Err(error) => {
                    report.stopped = Some(error);
                    break;
                }
            }
        }
        report.looked_at = round.reading.looked_at;
        round.reading.end().await;
        Ok(report)
    }

    /// Publishes to a queue, unless the broker takes nothing right now.
    pub(super) async fn publish(&self, queue: &str, message: Message) -> Result<()> {
        match self.broker.state() {
            BrokerState::Up => {
                let (exchange, routing_key) = (String::new(), queue.to_owned());
                self.broker.publish(Publication { exchange, routing_key, message }).await
            }
            BrokerState::Blocked(reason) | BrokerState::Down(reason) => Err(Error::unavailable(reason)),
        }
    }
}

/// A redrive on its way.
struct Redriving<'a, S: Storage, B: Broker> {
    letters: &'a DeadLetters<S, B>,
    options: &'a Redrive,
    desk: Desk<'a, S>,
    pace: Pace,
    /// Events that were redriven: clocks differ, and a letter that comes back may say that it died before.
    done: HashSet<(ConsumerId, ClaimKey)>,
}

impl<S: Storage, B: Broker> Redriving<'_, S, B> {
    /// Takes the next letter that is meant, and sees it through.
    async fn next(&mut self, round: &mut Round<B>, filter: &LetterFilter) -> Result<Option<Outcome>> {
        let Some(taken) = round.next(filter).await? else { return Ok(None) };
        let outcome = match round.is_new(&taken) {
            true => Ok(Outcome::Skipped),
            false => self.see_through(&taken, round).await,
        };
        match &outcome {
            Ok(Outcome::Redriven { .. } | Outcome::Discarded) if !self.options.dry_run => {
                fault::kill_point("K18");
                // An ack that is lost brings the letter back; its event passes for a duplicate.
                taken.ack().await;
            }
            Err(_) if fault::is_mutant("letter-acked-before-confirm") => _ = taken.ack().await,
            _ => round.reading.keep(taken),
        }
        outcome.map(Some)
    }

    /// All that comes before the ack.
    async fn see_through(&mut self, taken: &Taken, round: &Round<B>) -> Result<Outcome> {
        let problem = |why: String| Ok(Outcome::Failed(format!("{}: {why}", title(taken))));
        if taken.damage.is_some() {
            return problem("it cannot be published as it was".to_owned());
        }
        let (consumer, to) = (self.options.consumer.as_deref(), self.options.to.as_deref());
        let place = match round.roll.place(&taken.letter, consumer, to) {
            Ok(place) => place,
            Err(why) => return problem(why),
        };
        let event = (place.consumer, key(taken));
        if self.done.contains(&event) {
            return Ok(Outcome::Skipped);
        }
        let claim = claim(&mut self.desk, &place, taken).await?;
        match verdict::of(&facts(taken, claim.as_ref(), &place, round.began), self.options) {
            Verdict::Refuse(Refusal::Processed) => Ok(Outcome::Processed),
            Verdict::Refuse(_) => Ok(Outcome::TooOld),
            Verdict::Discard => Ok(Outcome::Discarded),
            Verdict::Redrive { although_old } => {
                self.done.insert(event);
                match self.options.dry_run {
                    true => Ok(Outcome::Redriven { although_old }),
                    false => self.send(&place, taken, although_old).await,
                }
            }
        }
    }

    /// The record, the publish, the confirm; in no other order.
    async fn send(&mut self, place: &Place, taken: &Taken, although_old: bool) -> Result<Outcome> {
        self.pace.turn().await;
        if !taken.is_live() {
            return Ok(Outcome::Skipped);
        }
        self.desk.begin_anew(place.consumer, key(taken), message_key(&taken.message)).await?;
        match self.letters.publish(&place.queue, taken.message.redriven()).await {
            Ok(()) => Ok(Outcome::Redriven { although_old }),
            Err(error) if error.is_unpublishable() => {
                Ok(Outcome::Failed(format!("{}: {}", title(taken), Chain(&error))))
            }
            Err(error) => Err(error),
        }
    }
}

/// The claim of a letter's event. One that does not say its key is not looked for: if it was processed, its claim tells when
/// it is delivered again.
pub(super) async fn claim<S: Storage>(
    desk: &mut Desk<'_, S>,
    place: &Place,
    taken: &Taken,
) -> Result<Option<StoredClaim>> {
    match taken.letter.key {
        Some(key) => desk.claim(place.consumer, key).await,
        None => Ok(None),
    }
}

pub(super) fn facts<'a>(
    taken: &'a Taken,
    claim: Option<&'a StoredClaim>,
    place: &Place,
    now: Duration,
) -> Facts<'a> {
    let envelope = claim.and_then(|_| Envelope::read(&taken.message).ok());
    Facts {
        reason: taken.letter.reason.as_deref(),
        fingerprint: envelope.map(|envelope| Fingerprint::of(&envelope.data)),
        claim,
        age: taken.letter.age(now),
        retention: place.retention,
        effects_done: !(taken.letter.effects.done.is_empty() && taken.letter.effects.unknown.is_empty()),
    }
}
