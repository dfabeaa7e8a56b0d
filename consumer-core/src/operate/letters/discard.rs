//! A discard: letters that nobody needs leave the queue for good.

use super::{
    DeadLetters, LetterFilter,
    desk::Desk,
    round::{Round, key},
    taken::Taken,
};
use crate::{
    broker::Broker,
    error::{Error, Result},
    failure::message_key,
    storage::Storage,
};

/// What became of the letters that were meant.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Discarded {
    /// How many letters there were, those in somebody else's hand not among them.
    pub depth: u64,
    /// How many of them were looked at.
    pub looked_at: u64,
    /// Gone.
    pub discarded: u64,
    /// Left: they died after the discard had begun.
    pub skipped: u64,
    /// Why it ended before its time; the letters that were not looked at are in the queue as before.
    pub stopped: Option<Error>,
}

impl<S: Storage, B: Broker> DeadLetters<S, B> {
    /// Takes letters out of the queue, for good, and forgets their failures; nobody processes these events any more. The
    /// filter's limit counts those that are discarded.
    ///
    /// # Errors
    /// Like [`list`](Self::list), before the first letter; later ones are in [`Discarded::stopped`].
    ///
    /// # Cancel safety
    /// A letter whose record is gone may still be in the queue when the future is dropped.
    pub async fn discard(&self, filter: &LetterFilter) -> Result<Discarded> {
        let mut round = Round::begin(self).await?;
        let mut desk = Desk::open(&self.storage).await?;
        let mut report = Discarded { depth: round.reading.depth, ..Discarded::default() };
        while filter.limit.is_none_or(|limit| report.discarded < limit) {
            match next(&mut round, &mut desk, filter).await {
                Ok(Some(true)) => report.discarded += 1,
                Ok(Some(false)) => report.skipped += 1,
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
}

/// Takes the next letter that is meant, and discards it unless it has died since.
async fn next<S: Storage, B: Broker>(
    round: &mut Round<B>,
    desk: &mut Desk<'_, S>,
    filter: &LetterFilter,
) -> Result<Option<bool>> {
    let Some(taken) = round.next(filter).await? else { return Ok(None) };
    let forgotten = match round.is_new(&taken) {
        true => Ok(false),
        false => forget(round, desk, &taken).await.map(|()| true),
    };
    match forgotten {
        Ok(true) => Ok(Some(taken.ack().await)),
        left => {
            round.reading.keep(taken);
            left.map(Some)
        }
    }
}

async fn forget<S: Storage, B: Broker>(
    round: &Round<B>,
    desk: &mut Desk<'_, S>,
    taken: &Taken,
) -> Result<()> {
    match round.roll.consumer(&taken.letter) {
        Some(consumer) => desk.resolve(consumer, key(taken), message_key(&taken.message)).await,
        None => Ok(()),
    }
}
