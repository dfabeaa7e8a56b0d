//! The verdict on a run: what became of every event, and whether the invariants hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    auditor::{Auditor, Of, key},
    event::Paid,
};

/// What was published.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// Every event that the broker has confirmed.
    pub ids: BTreeSet<String>,
    /// How many messages carried them, per queue.
    pub copies: u64,
}

impl Published {
    /// Adds messages that the broker has confirmed.
    pub fn add(&mut self, events: impl IntoIterator<Item = Paid>) {
        for event in events {
            self.copies += 1;
            self.ids.insert(event.payment);
        }
    }
}

/// What an audit has found.
#[derive(Clone, Debug)]
pub struct Verdict {
    events: usize,
    copies: u64,
    consumers: usize,
    effects: u64,
    /// Confirmed, without effect, and no dead letter either.
    lost: Vec<Of<String>>,
    doubled: Vec<Of<String>>,
    effects_without_claim: Vec<Of<String>>,
    claims_without_effect: usize,
    dead: BTreeSet<Of<String>>,
}

impl Verdict {
    /// Compares what was published with what the database holds. `dead` are the dead letters of each consumer.
    pub async fn reach(
        auditor: &mut Auditor,
        published: &Published,
        consumers: &[&str],
        dead: &BTreeSet<Of<String>>,
    ) -> Self {
        let (effects, claims) = (auditor.effects().await, auditor.claims().await);
        let expected = consumers
            .iter()
            .flat_map(|consumer| published.ids.iter().map(|id| ((*consumer).to_owned(), id.clone())));
        let claim = |of: &Of<String>| (of.0.clone(), key(&of.1).as_bytes().to_vec());
        let claimed_effects: BTreeSet<_> = effects.keys().map(claim).collect();
        Self {
            events: published.ids.len(),
            copies: published.copies,
            consumers: consumers.len(),
            effects: effects.values().sum(),
            lost: expected.filter(|of| !effects.contains_key(of) && !dead.contains(of)).collect(),
            doubled: of_those(&effects, |(_, times)| **times > 1),
            effects_without_claim: of_those(&effects, |(of, _)| !claims.contains(&claim(of))),
            claims_without_effect: claims.difference(&claimed_effects).count(),
            dead: dead.clone(),
        }
    }

    /// How many effects there are.
    pub fn effects(&self) -> u64 {
        self.effects
    }

    /// Messages that took no effect because their event had one already.
    pub fn suppressed(&self) -> u64 {
        (self.copies * self.consumers as u64).saturating_sub(self.effects + self.dead.len() as u64)
    }

    /// # Panics
    /// If anything but these events is dead: what happens to servers and processes is no message's fault.
    pub fn assert_dead(&self, consumer: &str, ids: &[&str]) {
        let expected = ids.iter().map(|id| (consumer.to_owned(), (*id).to_owned()));
        assert_eq!(self.dead, expected.collect(), "dead letters");
    }

    /// # Panics
    /// If an invariant is broken: I1 no loss, I2 at most one effect, I3 atomic, I6 every consumer has its own.
    pub fn assert_clean(&self) {
        assert!(self.lost.is_empty(), "I1, I6: lost {:?}", self.lost);
        assert!(self.doubled.is_empty(), "I2: doubled {:?}", self.doubled);
        assert!(
            self.effects_without_claim.is_empty(),
            "I3: effects without claim {:?}",
            self.effects_without_claim
        );
        assert_eq!(self.claims_without_effect, 0, "I3: claims without effect");
    }
}

fn of_those(
    effects: &BTreeMap<Of<String>, u64>,
    which: impl Fn(&(&Of<String>, &u64)) -> bool,
) -> Vec<Of<String>> {
    effects.iter().filter(which).map(|(of, _)| of.clone()).collect()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "confirmed {} events in {} messages for {} consumers, effects {}, duplicates suppressed {}, dead letters {}, \
             lost {}, doubled {}, effects without claim {}, claims without effect {}",
            self.events,
            self.copies,
            self.consumers,
            self.effects,
            self.suppressed(),
            self.dead.len(),
            self.lost.len(),
            self.doubled.len(),
            self.effects_without_claim.len(),
            self.claims_without_effect
        )
    }
}
