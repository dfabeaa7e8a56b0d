//! Several claims of one consumer, as one statement takes them.

use std::collections::{HashMap, HashSet};

use consumer_core::{
    inbox::{Claim, Claimed, StoredClaim},
    message::ClaimKey,
};

/// Claims that stand in the way of others, by their keys.
pub(crate) type Found = HashMap<ClaimKey, StoredClaim>;

/// In the order in which every process inserts them.
#[cfg(any(feature = "mysql", test))]
pub(crate) fn in_order(claims: &[Claim]) -> Vec<&Claim> {
    let mut claims: Vec<_> = claims.iter().collect();
    claims.sort_by_key(|claim| claim.key);
    claims
}

/// What became of each: inserted, in the way of it, or gone before anybody looked.
pub(crate) fn answers(claims: &[Claim], fresh: &HashSet<ClaimKey>, mut found: Found) -> Vec<Claimed> {
    let mut answer = |claim: &Claim| {
        if fresh.contains(&claim.key) {
            return Claimed::Fresh;
        }
        found.remove(&claim.key).map_or(Claimed::Vanished, Claimed::Taken)
    };
    claims.iter().map(&mut answer).collect()
}

/// Whether a statement for so many claims is kept: for the sizes that full batches have. One for each size would push out those
/// that are needed again.
#[cfg(any(feature = "mysql", feature = "sqlite"))]
pub(crate) fn is_kept(count: usize) -> bool {
    count.is_power_of_two()
}

#[cfg(test)]
mod tests {
    use consumer_core::{
        inbox::ConsumerId,
        message::{EventId, Fingerprint},
    };

    use super::*;

    fn claim(id: &str) -> Claim {
        let event = EventId { source: String::new(), id: id.to_owned() };
        Claim::new(ConsumerId(1), &event, Fingerprint::of(b"{}"))
    }

    #[test]
    fn each_claim_has_its_own_answer_whatever_their_order() {
        let claims = ["a", "b", "c"].map(claim);
        let stored = StoredClaim::new(claims[2].stamp(), None);
        let found = Found::from([(claims[2].key, stored.clone())]);
        let told = answers(&claims, &HashSet::from([claims[0].key]), found);
        assert_eq!(told, [Claimed::Fresh, Claimed::Vanished, Claimed::Taken(stored)]);
    }

    #[test]
    fn all_processes_insert_in_one_order() {
        let [a, b, c] = ["a", "b", "c"].map(claim);
        let keys = |claims: &[Claim]| in_order(claims).iter().map(|claim| claim.key).collect::<Vec<_>>();
        assert_eq!(keys(&[a.clone(), b.clone(), c.clone()]), keys(&[c, a, b]));
    }
}
