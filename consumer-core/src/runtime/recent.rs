//! The events that this process has committed last: their duplicates need no look into the database.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use lru::LruCache;

use crate::{
    inbox::{Claim, Repeat, StoredClaim, compare},
    message::ClaimKey,
};

/// Claims of one consumer that are surely committed. Without a size, it holds none.
///
/// What is not here says nothing: only the table does. What is here was committed, so that skipping its duplicate skips nothing
/// else; a body that differs goes to the table all the same.
pub(super) struct Recent(Option<Mutex<LruCache<ClaimKey, StoredClaim>>>);

impl Recent {
    pub(super) fn new(size: usize) -> Self {
        Self(NonZeroUsize::new(size).map(|size| Mutex::new(LruCache::new(size))))
    }

    pub(super) fn is_off(&self) -> bool {
        self.0.is_none()
    }

    /// Keeps a claim, after its commit.
    pub(super) fn keep(&self, claim: &Claim) {
        if let Some(claims) = &self.0 {
            let stored = StoredClaim::new(claim.stamp(), claim.readable_id.clone());
            claims.lock().unwrap_or_else(PoisonError::into_inner).put(claim.key, stored);
        }
    }

    /// Whether an event is a duplicate of one that is kept.
    pub(super) fn repeat_of(&self, claim: &Claim) -> Option<Repeat> {
        let mut claims = self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let repeat = compare(claim, claims.get(&claim.key)?);
        (repeat == Repeat::Duplicate).then_some(repeat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inbox::ConsumerId,
        message::{EventId, Fingerprint},
    };

    fn claim(id: &str, data: &str) -> Claim {
        let id = EventId { source: String::new(), id: id.to_owned() };
        Claim::new(ConsumerId(1), &id, Fingerprint::of(data.as_bytes()))
    }

    #[test]
    fn only_the_same_body_of_a_kept_event_is_a_duplicate() {
        let recent = Recent::new(2);
        assert_eq!(recent.repeat_of(&claim("a", "1")), None);
        recent.keep(&claim("a", "1"));
        assert_eq!(recent.repeat_of(&claim("a", "1")), Some(Repeat::Duplicate));
        assert_eq!(recent.repeat_of(&claim("a", "2")), None, "the table decides");
    }

    #[test]
    fn it_keeps_no_more_than_it_may() {
        let recent = Recent::new(2);
        for id in ["a", "b", "c"] {
            recent.keep(&claim(id, "1"));
        }
        let known = ["a", "b", "c"].map(|id| recent.repeat_of(&claim(id, "1")).is_some());
        assert_eq!(known, [false, true, true]);
        Recent::new(0).keep(&claim("a", "1"));
        assert_eq!(Recent::new(0).repeat_of(&claim("a", "1")), None);
    }
}
