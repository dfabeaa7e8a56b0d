//! The calls that are being made, and how many more of each effect may be.

use std::{cmp::Reverse, collections::HashMap};

use tokio::task::{Id, JoinError, JoinSet};

/// Calls in tasks of their own. Each effect has room of its own, so that a provider that hangs keeps nobody from calling
/// another.
pub(super) struct Calls {
    tasks: JoinSet<()>,
    effects: HashMap<Id, String>,
    /// How many of one effect at once.
    most: usize,
}

impl Calls {
    pub(super) fn new(most: usize) -> Self {
        Self { tasks: JoinSet::new(), effects: HashMap::new(), most }
    }

    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The effects of which more may be called, and how many may be taken without anybody having too many.
    pub(super) fn room(&self, names: &[&'static str]) -> (Vec<&'static str>, usize) {
        let mut free: Vec<_> = names.iter().map(|name| (*name, self.free(name))).collect();
        free.retain(|(_, free)| *free > 0);
        free.sort_by_key(|(_, free)| Reverse(*free));
        let least = free.last().map_or(0, |(_, free)| *free);
        (free.into_iter().map(|(name, _)| name).collect(), least)
    }

    fn free(&self, name: &str) -> usize {
        self.most.saturating_sub(self.effects.values().filter(|called| *called == name).count())
    }

    pub(super) fn spawn(&mut self, effect: String, call: impl Future<Output = ()> + Send + 'static) {
        let task = self.tasks.spawn(call);
        self.effects.insert(task.id(), effect);
    }

    /// Waits for the next one that ends, and says whether its effect had no room before; `None` if none is being made.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(super) async fn ended(&mut self) -> Option<bool> {
        let ended = self.tasks.join_next_with_id().await?;
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        if let Err(error) = ended {
            tracing::error!(%error, "a call of an effect has died, which is a bug in this library");
        }
        let made_room = self.effects.get(&id).is_some_and(|effect| self.free(effect) == 0);
        self.effects.remove(&id);
        Some(made_room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_effect_never_takes_the_room_of_another() {
        let mut calls = Calls::new(2);
        assert_eq!(calls.room(&["charge", "mail"]).1, 2);
        calls.spawn("charge".to_owned(), std::future::pending());
        assert_eq!(
            calls.room(&["charge", "mail"]),
            (vec!["mail", "charge"], 1),
            "all of them may be charges"
        );
        calls.spawn("charge".to_owned(), async {});
        assert_eq!(calls.room(&["charge", "mail"]), (vec!["mail"], 2));
        assert_eq!(calls.room(&["charge"]), (vec![], 0));
        assert_eq!(calls.ended().await, Some(true), "whoever waited for room hears of it");
        assert_eq!(calls.room(&["charge"]), (vec!["charge"], 1));
    }
}
