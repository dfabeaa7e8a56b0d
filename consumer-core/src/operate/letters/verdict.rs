//! The verdict: may a letter go back? Plain functions over what is known of it.

use std::{fmt, time::Duration};

use super::Redrive;
use crate::{
    inbox::StoredClaim,
    message::{Fingerprint, Reason},
};

/// Why a letter stays where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// `processed`: its event was processed meanwhile, by another delivery of it. Redriven, it would pass for a duplicate.
    Processed,
    /// `too-old`: it died longer ago than claims are kept, or does not say when. If its event was processed, nothing
    /// would tell by now, and it would take effect twice.
    TooOld,
    /// `effects-done`: effects that ran before its handler are done, or may be. Another event would have them called again,
    /// under other keys.
    EffectsDone,
}

impl Refusal {
    /// The text in a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::TooOld => "too-old",
            Self::EffectsDone => "effects-done",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known of a letter.
pub(super) struct Facts<'a> {
    pub(super) reason: Option<&'a str>,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) claim: Option<&'a StoredClaim>,
    pub(super) age: Option<Duration>,
    /// How long claims are kept.
    pub(super) retention: Duration,
    /// Whether effects that ran before the handler are done, or may be.
    pub(super) effects_done: bool,
}

/// What becomes of a letter that goes back as it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Redrive {
        /// Although a claim of its event may have been swept.
        although_old: bool,
    },
    /// A claim proves that it is a duplicate.
    Discard,
    Refuse(Refusal),
}

/// Decides about a letter that goes back as it is.
pub(super) fn of(facts: &Facts<'_>, options: &Redrive) -> Verdict {
    match facts.claim {
        Some(claim) if options.discard_processed && is_duplicate(facts, claim) => Verdict::Discard,
        Some(_) => Verdict::Refuse(Refusal::Processed),
        None => match is_old(facts, options) {
            true if !options.force => Verdict::Refuse(Refusal::TooOld),
            although_old => Verdict::Redrive { although_old },
        },
    }
}

/// Why a letter does not go back as another event. A claim under a reused id is another event's already.
pub(super) fn of_an_edit(facts: &Facts<'_>, options: &Redrive) -> Option<Refusal> {
    let is_reused = facts.reason == Some(Reason::IdReused.as_str());
    match facts.claim {
        Some(_) if !is_reused => Some(Refusal::Processed),
        _ if options.force => None,
        _ if facts.effects_done => Some(Refusal::EffectsDone),
        _ => is_old(facts, options).then_some(Refusal::TooOld),
    }
}

/// Whether a letter is proven to be the event that was processed, all of it.
///
/// The claim of one that died because its id was reused is another event's; that of one whose transaction had ended stands
/// for half of the work.
fn is_duplicate(facts: &Facts<'_>, claim: &StoredClaim) -> bool {
    let reason = facts.reason.and_then(Reason::parse);
    let is_whole =
        reason.is_some_and(|reason| !matches!(reason, Reason::IdReused | Reason::TransactionEnded));
    is_whole && facts.fingerprint == Some(claim.fingerprint)
}

/// Whether its claim, if there was one, may have been swept.
pub(super) fn is_old(facts: &Facts<'_>, options: &Redrive) -> bool {
    let retention = options.retention.unwrap_or(facts.retention);
    facts.age.is_none_or(|age| age >= retention)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn claim(data: &str) -> StoredClaim {
        let mut stamp = [0; 16];
        stamp[..12].copy_from_slice(Fingerprint::of(data.as_bytes()).as_bytes());
        StoredClaim::new(stamp, None)
    }

    fn facts<'a>(reason: &'a str, claim: Option<&'a StoredClaim>) -> Facts<'a> {
        let fingerprint = Some(Fingerprint::of(b"{}"));
        Facts {
            reason: Some(reason),
            fingerprint,
            claim,
            age: Some(DAY),
            retention: 7 * DAY,
            effects_done: false,
        }
    }

    fn discarding() -> Redrive {
        Redrive { discard_processed: true, ..Redrive::default() }
    }

    const REDRIVEN: Verdict = Verdict::Redrive { although_old: false };
    const PROCESSED: Verdict = Verdict::Refuse(Refusal::Processed);
    const TOO_OLD: Verdict = Verdict::Refuse(Refusal::TooOld);

    #[test]
    fn what_was_processed_meanwhile_stays_and_no_force_moves_it() {
        let claim = claim("{}");
        let forced = Redrive { force: true, ..Redrive::default() };
        for options in [Redrive::default(), forced] {
            assert_eq!(of(&facts("permanent", Some(&claim)), &options), PROCESSED);
            assert_eq!(of(&facts("permanent", None), &options), REDRIVEN);
        }
    }

    #[test]
    fn only_a_proven_duplicate_is_discarded() {
        let (same, other) = (claim("{}"), claim("[]"));
        assert_eq!(of(&facts("permanent", Some(&same)), &discarding()), Verdict::Discard);
        assert_eq!(of(&facts("permanent", Some(&other)), &discarding()), PROCESSED, "another body");
        let unread = Facts { fingerprint: None, ..facts("undecodable", Some(&same)) };
        assert_eq!(of(&unread, &discarding()), PROCESSED);
        for needs_a_person in ["transaction-ended", "id-reused", "of-a-later-version"] {
            assert_eq!(of(&facts(needs_a_person, Some(&same)), &discarding()), PROCESSED);
        }
    }

    #[test]
    fn what_is_older_than_claims_are_kept_goes_back_by_force_alone() {
        let forced = Redrive { force: true, ..Redrive::default() };
        for age in [Some(7 * DAY), None] {
            let old = Facts { age, ..facts("permanent", None) };
            assert_eq!(of(&old, &Redrive::default()), TOO_OLD);
            assert_eq!(of(&old, &forced), Verdict::Redrive { although_old: true });
        }
        let shorter = Redrive { retention: Some(DAY), ..Redrive::default() };
        assert_eq!(of(&facts("permanent", None), &shorter), TOO_OLD);
    }

    #[test]
    fn an_edit_makes_another_event_of_a_reused_id_and_of_nothing_else_that_was_processed() {
        let claim = claim("[]");
        let of_an_edit = |facts: Facts<'_>| of_an_edit(&facts, &Redrive::default());
        assert_eq!(of_an_edit(facts("id-reused", Some(&claim))), None);
        assert_eq!(of_an_edit(facts("transaction-ended", Some(&claim))), Some(Refusal::Processed));
        assert_eq!(of_an_edit(facts("permanent", None)), None);
        let old = Facts { age: None, ..facts("permanent", None) };
        assert_eq!(of_an_edit(old), Some(Refusal::TooOld));
    }

    #[test]
    fn an_edit_does_not_repeat_an_effect_but_by_force() {
        let charged = Facts { effects_done: true, ..facts("effect-failed", None) };
        assert_eq!(of_an_edit(&charged, &Redrive::default()), Some(Refusal::EffectsDone));
        assert_eq!(of_an_edit(&charged, &Redrive { force: true, ..Redrive::default() }), None);
        assert_eq!(of(&charged, &Redrive::default()), REDRIVEN, "the same event has them replayed");
    }
}
