//! What the answer to a publish means for its row.

use std::time::Duration;

use crate::{
    error::{Chain, Error, Result},
    outbox::Fate,
};

/// Waits after a refusal, from the first to the longest: soon enough for a queue that is bound a moment later, seldom enough
/// for one that nobody binds.
const REFUSAL_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The longest text of an error that a row keeps.
const MAX_ERROR: usize = 500;
/// How long a healthy confirm takes at most. Whoever waits longer while others are confirmed is in trouble of its own.
const HEALTHY: Duration = Duration::from_secs(2);

/// What was seen around a publish.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Whether the broker says that it takes messages.
    pub(super) up: bool,
    /// How long the publish took.
    pub(super) took: Duration,
    /// How long ago any publish was confirmed.
    pub(super) last_confirm: Option<Duration>,
}

/// What the answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The broker has it.
    Sent,
    /// This row is in trouble, and its lane with it; the others go on.
    Trouble(Trouble, Fate),
    /// The broker is in trouble: nobody should publish for a while, and no row is to blame.
    Outage(String),
}

/// Why a row was not taken, as metrics call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Trouble {
    /// No queue is bound for it.
    Unroutable,
    /// A queue is full.
    Nacked,
    /// No confirm came, while others got theirs.
    Unconfirmed,
    /// The user may not publish there.
    Forbidden,
    /// No broker takes it as it is.
    Unpublishable,
}

impl Trouble {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unroutable => "unroutable",
            Self::Nacked => "nacked",
            Self::Unconfirmed => "unconfirmed",
            Self::Forbidden => "forbidden",
            Self::Unpublishable => "unpublishable",
        }
    }

    /// What a person does about it.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Unroutable => "bind a queue to the exchange for this routing key; it is published then",
            Self::Nacked => "have the queue consumed, or raise its length limit; it is published then",
            Self::Unconfirmed => {
                "look whether its queue has a leader; it is published again with the same id"
            }
            Self::Forbidden => "allow this user to write to the exchange; it is published then",
            Self::Unpublishable => "it waits for a person: release it after a change, or discard it",
        }
    }
}

/// Decides about one answer; `jitter` is between 0 and 1.
pub(super) fn judge(answer: &Result<()>, seen: Seen, refusals: u32, jitter: f64) -> Verdict {
    let error = match answer {
        Ok(()) => return Verdict::Sent,
        Err(error) => error,
    };
    let Some(trouble) = trouble(error, seen) else { return Verdict::Outage(text(error)) };
    let fate = match trouble {
        Trouble::Unpublishable => Fate::Parked { error: text(error) },
        _ => Fate::Refused { wait: wait(refusals, jitter), error: text(error) },
    };
    Verdict::Trouble(trouble, fate)
}

/// What is wrong with the row itself; `None` if the broker is to blame.
fn trouble(error: &Error, seen: Seen) -> Option<Trouble> {
    if error.is_unpublishable() {
        return Some(Trouble::Unpublishable);
    }
    if error.is_unroutable() {
        return Some(Trouble::Unroutable);
    }
    if error.is_nacked() {
        return Some(Trouble::Nacked);
    }
    if error.is_unconfirmed() {
        let others_pass = seen.last_confirm.is_some_and(|ago| ago < HEALTHY);
        return (seen.up && seen.took > HEALTHY && others_pass).then_some(Trouble::Unconfirmed);
    }
    if error.is_unavailable() {
        return None;
    }
    Some(Trouble::Forbidden)
}

fn wait(refusals: u32, jitter: f64) -> Duration {
    let (first, longest) = REFUSAL_WAIT;
    let wait = first.saturating_mul(2u32.saturating_pow(refusals)).min(longest);
    wait.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

fn text(error: &Error) -> String {
    let mut text = Chain(error).to_string();
    if text.len() > MAX_ERROR {
        let end = (0..=MAX_ERROR).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEALTHY_BROKER: Seen =
        Seen { up: true, took: Duration::from_millis(5), last_confirm: Some(Duration::from_millis(5)) };

    fn verdict(error: Error, seen: Seen) -> Verdict {
        judge(&Err(error), seen, 0, 1.0)
    }

    #[test]
    fn only_a_confirm_is_sent() {
        assert_eq!(judge(&Ok(()), HEALTHY_BROKER, 3, 0.0), Verdict::Sent);
        for error in [
            Error::unroutable(""),
            Error::unconfirmed(""),
            Error::nacked(""),
            Error::unavailable(""),
            Error::refused(""),
            Error::unpublishable(""),
            Error::topology(""),
        ] {
            assert_ne!(verdict(error, HEALTHY_BROKER), Verdict::Sent);
        }
    }

    #[test]
    fn an_outage_is_no_rows_fault() {
        let away = Seen { up: false, ..HEALTHY_BROKER };
        assert!(matches!(verdict(Error::unavailable("gone"), HEALTHY_BROKER), Verdict::Outage(_)));
        assert!(matches!(verdict(Error::unconfirmed("cut"), away), Verdict::Outage(_)));
        let cut = verdict(Error::unconfirmed("cut and connected again"), HEALTHY_BROKER);
        assert!(matches!(cut, Verdict::Outage(_)), "{cut:?}");
        let nobody_passes =
            Seen { took: Duration::from_secs(10), last_confirm: Some(Duration::from_secs(9)), up: true };
        assert!(matches!(verdict(Error::unconfirmed("late"), nobody_passes), Verdict::Outage(_)));
    }

    #[test]
    fn a_row_that_alone_gets_no_confirm_is_in_trouble_of_its_own() {
        let alone = Seen { took: Duration::from_secs(10), ..HEALTHY_BROKER };
        let verdict = verdict(Error::unconfirmed("late"), alone);
        assert!(
            matches!(verdict, Verdict::Trouble(Trouble::Unconfirmed, Fate::Refused { .. })),
            "{verdict:?}"
        );
    }

    #[test]
    fn a_refusal_waits_longer_each_time_and_a_minute_at_most() {
        let waits: Vec<_> = [0, 1, 2, 6, u32::MAX].into_iter().map(|refusals| wait(refusals, 1.0)).collect();
        assert_eq!(waits, [1, 2, 4, 60, 60].map(Duration::from_secs));
        assert_eq!(wait(0, 0.0), Duration::from_millis(500));
    }

    #[test]
    fn what_no_broker_takes_is_parked_and_not_tried_for_ever() {
        let verdict = verdict(Error::unpublishable("a name over 255 bytes"), HEALTHY_BROKER);
        assert!(
            matches!(verdict, Verdict::Trouble(Trouble::Unpublishable, Fate::Parked { .. })),
            "{verdict:?}"
        );
    }

    #[test]
    fn a_long_error_is_cut_between_letters() {
        assert!(text(&Error::refused("é".repeat(MAX_ERROR))).len() <= MAX_ERROR);
    }
}
