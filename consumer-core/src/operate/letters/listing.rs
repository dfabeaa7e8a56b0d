//! A listing: the letters of a queue, grouped by what went wrong.

use std::{collections::BTreeMap, time::Duration};

use super::{
    DeadLetters, LetterFilter,
    round::{Round, key},
    taken::Taken,
};
use crate::{
    broker::Broker,
    error::Result,
    message::{ClaimKey, Letter, Message},
    storage::Storage,
};

/// The letters of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// How many letters there were, those in somebody else's hand not among them.
    pub depth: u64,
    /// How many of them were looked at.
    pub looked_at: u64,
    /// How many of these are meant.
    pub matching: u64,
    /// Those that are meant, by class and reason, the largest group first.
    pub groups: Vec<Group>,
    /// The first of them in the queue, as many as the filter's limit says.
    pub letters: Vec<Listed>,
    /// The time of day that the ages were taken at.
    pub now: Duration,
}

/// Letters that died alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// The class of their errors.
    pub class: Option<String>,
    /// Their reason.
    pub reason: Option<String>,
    /// How many these are.
    pub count: u64,
    /// When the first of them died, since the Unix epoch.
    pub oldest: Option<Duration>,
    /// When the last of them died.
    pub newest: Option<Duration>,
}

/// A letter, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// What it says about itself.
    pub letter: Letter,
    /// The key of its failure record, else one that is made of the message: every letter can be named by it.
    pub key: ClaimKey,
    /// The size of its body.
    pub body_bytes: usize,
}

/// A letter, whole.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Shown {
    /// What it says about itself.
    pub listed: Listed,
    /// How long it has been dead.
    pub age: Option<Duration>,
    /// The message.
    pub message: Message,
}

impl<S: Storage, B: Broker> DeadLetters<S, B> {
    /// All letters that are meant, counted by class and reason, and the first of them.
    ///
    /// # Errors
    /// [`is_topology`](crate::Error::is_topology): there is no such queue. [`is_unavailable`](crate::Error::is_unavailable),
    /// [`is_refused`](crate::Error::is_refused): the broker or the database.
    pub async fn list(&self, filter: &LetterFilter) -> Result<Listing> {
        let mut round = Round::begin(self).await?;
        let mut listing = Listing { now: round.began, depth: round.reading.depth, ..Listing::default() };
        let mut groups = Groups::default();
        while let Some(taken) = round.next(filter).await? {
            listing.matching += 1;
            groups.count(&taken.letter);
            if filter.limit.is_none_or(|limit| (listing.letters.len() as u64) < limit) {
                listing.letters.push(listed(&taken));
            }
            round.reading.keep(taken);
        }
        listing.looked_at = round.reading.looked_at;
        listing.groups = groups.largest_first();
        round.reading.end().await;
        Ok(listing)
    }

    /// The first letter of this id or this key, with its body.
    ///
    /// # Errors
    /// Like [`list`](Self::list).
    pub async fn show(&self, id: &str) -> Result<Option<Shown>> {
        let mut round = Round::begin(self).await?;
        let shown = round.next(&LetterFilter::of(id)).await?.map(|taken| {
            let (listed, age) = (listed(&taken), taken.letter.age(round.began));
            let shown = Shown { listed, age, message: taken.message.clone() };
            round.reading.keep(taken);
            shown
        });
        round.reading.end().await;
        Ok(shown)
    }
}

fn listed(taken: &Taken) -> Listed {
    Listed { letter: taken.letter.clone(), key: key(taken), body_bytes: taken.message.body.len() }
}

/// Groups, as they fill.
#[derive(Default)]
struct Groups(BTreeMap<(Option<String>, Option<String>), Group>);

impl Groups {
    fn count(&mut self, letter: &Letter) {
        let Letter { class, reason, dead_at, .. } = letter;
        let group = self.0.entry((class.clone(), reason.clone())).or_default();
        group.count += 1;
        group.oldest = group.oldest.into_iter().chain(*dead_at).min();
        group.newest = group.newest.max(*dead_at);
    }

    fn largest_first(self) -> Vec<Group> {
        let named = |((class, reason), group)| Group { class, reason, ..group };
        let mut groups: Vec<_> = self.0.into_iter().map(named).collect();
        groups.sort_by_key(|group: &Group| std::cmp::Reverse(group.count));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_died_alike_are_one_group() {
        let mut groups = Groups::default();
        for (reason, dead_at) in [("b", Some(3)), ("a", None), ("b", Some(1)), ("b", None)] {
            let (reason, dead_at) = (Some(reason.to_owned()), dead_at.map(Duration::from_secs));
            groups.count(&Letter { reason, dead_at, ..Letter::default() });
        }
        let groups = groups.largest_first();
        let first = (groups[0].reason.as_deref(), groups[0].count, groups[0].oldest, groups[0].newest);
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(first, (Some("b"), 3, seconds(1), seconds(3)));
        assert_eq!((groups[1].count, groups[1].oldest, groups[1].newest), (1, None, None));
    }
}
