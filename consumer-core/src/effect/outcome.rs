//! An outcome: what the ending of a call makes of its row.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;

use super::{EffectState, Ending};

/// The longest error text of a row, in bytes: enough for a chain of causes with the answer of a provider in it.
pub const MAX_ERROR: usize = 4_000;

/// The longest evidence of a row, in bytes; what comes after it is not kept. A holder who lost its lease leaves one line,
/// so a row with more of them has had a person's attention for long.
pub const MAX_EVIDENCE: usize = 16_000;

/// The longest lease and the longest wait: what a provider asks for may be any number, and no database takes all of them.
pub const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// What of a result is kept as evidence, in bytes: the id that a provider gave is near its beginning.
const MAX_LATE_RESULT: usize = 1_000;

/// What is written where the ending of a call is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The state from now on.
    pub state: EffectState,
    /// What to replay.
    pub result: Option<&'a Bytes>,
    /// What it said; where it said nothing, what was said before stays.
    pub error: Option<&'a str>,
    /// After what it is due, where the state is [`EffectState::Planned`].
    pub wait: Duration,
    /// Whether there is a doubt from now on; `None` where that stays as it is.
    pub uncertain: Option<bool>,
    /// Whether a call was made.
    pub called: bool,
}

impl Ending {
    /// What it makes of its row.
    pub fn outcome(&self) -> Outcome<'_> {
        let planned = Outcome {
            state: EffectState::Planned,
            result: None,
            error: None,
            wait: Duration::ZERO,
            uncertain: None,
            called: true,
        };
        match self {
            Self::Done(result) => Outcome { state: EffectState::Done, result: Some(result), ..planned },
            Self::Again { wait, error, uncertain } => Outcome {
                error: Some(error),
                wait: (*wait).min(LONGEST),
                uncertain: Some(*uncertain),
                ..planned
            },
            Self::Failed { error } => Outcome { state: EffectState::Failed, error: Some(error), ..planned },
            Self::Unknown { error } => {
                Outcome { state: EffectState::Unknown, error: Some(error), uncertain: Some(true), ..planned }
            }
            Self::Returned => Outcome { called: false, ..planned },
        }
    }

    /// The line that is kept where it came too late; `None` where nothing was called.
    pub fn evidence(&self, fence: i64) -> Option<String> {
        let what = match self {
            Self::Done(result) => {
                let result = String::from_utf8_lossy(result);
                format!("done: {}", clipped(&result, MAX_LATE_RESULT))
            }
            Self::Again { error, uncertain: true, .. } => format!("may have worked: {error}"),
            Self::Again { error, uncertain: false, .. } | Self::Failed { error } => {
                format!("not done: {error}")
            }
            Self::Unknown { error } => format!("unknown: {error}"),
            Self::Returned => return None,
        };
        Some(line(&format!("call {fence} ended too late, {what}")))
    }
}

/// The line that is kept where a person has an effect called again.
pub const RELEASED: &str = "released by hand, its attempts and its doubts forgotten";

/// The line that is kept where a person has written what became of an effect.
pub const RESOLVED: &str = "resolved by hand";

/// An error text as a row holds it.
pub fn error_text(text: &str) -> Cow<'_, str> {
    match clipped(text, MAX_ERROR) {
        // PostgreSQL takes no NUL.
        text if text.contains('\0') => Cow::Owned(text.replace('\0', " ")),
        text => Cow::Borrowed(text),
    }
}

/// One line of evidence.
fn line(text: &str) -> String {
    clipped(text, MAX_ERROR).replace(|c: char| c.is_control(), " ")
}

/// The beginning of a text, at most `most` bytes.
fn clipped(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_fits() {
        let long = "ü".repeat(MAX_ERROR);
        assert_eq!(error_text(&long).len(), MAX_ERROR);
        assert_eq!(error_text("a\0b"), "a b");
        let late = Ending::Failed { error: "one\ntwo\0".repeat(MAX_ERROR) }.evidence(3).expect("a line");
        assert!(late.len() <= MAX_ERROR && !late.contains(['\n', '\0']), "{late}");
    }

    #[test]
    fn a_late_result_tells_what_the_provider_gave() {
        let late = Ending::Done(r#"{"charge":"ch_7"}"#.into()).evidence(3).expect("a line");
        assert!(late.contains("call 3") && late.contains("ch_7"), "{late}");
        assert_eq!(Ending::Returned.evidence(3), None, "nothing was called");
    }

    #[test]
    fn an_unknown_outcome_is_a_doubt() {
        assert_eq!(Ending::Unknown { error: String::new() }.outcome().uncertain, Some(true));
        assert_eq!(Ending::Failed { error: String::new() }.outcome().uncertain, None);
        assert!(!Ending::Returned.outcome().called);
    }
}
