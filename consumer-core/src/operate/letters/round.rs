//! A round: one passage through a queue, with what it takes to judge the letters.

use std::time::Duration;

use super::{DeadLetters, LetterFilter, reading::Reading, roll::Roll, taken::Taken};
use crate::{
    broker::Broker, clock, error::Result, failure::message_key, message::ClaimKey, storage::Storage,
};

/// One passage through a queue.
pub(super) struct Round<B: Broker> {
    pub(super) reading: Reading<B>,
    pub(super) roll: Roll,
    /// The time of day at its beginning.
    pub(super) began: Duration,
}

impl<B: Broker> Round<B> {
    pub(super) async fn begin<S: Storage>(letters: &DeadLetters<S, B>) -> Result<Self> {
        let began = clock::wall();
        let roll = Roll::call(&letters.storage).await?;
        Ok(Self { reading: Reading::begin(letters.broker.clone(), &letters.queue).await?, roll, began })
    }

    /// The next letter that is meant; those that are not are kept.
    pub(super) async fn next(&mut self, filter: &LetterFilter) -> Result<Option<Taken>> {
        while let Some(mut taken) = self.reading.next().await? {
            self.roll.name(&mut taken.letter);
            if filter.matches(&taken.letter, key(&taken), self.began) {
                return Ok(Some(taken));
            }
            self.reading.keep(taken);
        }
        Ok(None)
    }

    /// Whether a letter has died since: it may be one that was redriven just now.
    pub(super) fn is_new(&self, taken: &Taken) -> bool {
        taken.letter.dead_at.is_some_and(|dead_at| dead_at > self.began)
    }
}

/// By which a letter can be named, whatever it says.
pub(super) fn key(taken: &Taken) -> ClaimKey {
    taken.letter.key.unwrap_or_else(|| message_key(&taken.message))
}

/// A letter in words.
pub(super) fn title(taken: &Taken) -> String {
    match &taken.letter.id {
        Some(id) => format!("letter `{id}`"),
        None => format!("letter {}", key(taken)),
    }
}
