//! A row of the ledger as a storage reads it, with its times counted from the database's now.

use std::time::Duration;

use super::{EffectRecord, EffectState, Ending, Intent, Leased, Outcome, Right};

/// What a storage reads before it gives somebody the right to call an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectRow {
    /// What people see of it.
    pub record: EffectRecord,
    /// The fencing token of whoever started it last; 0 before that.
    pub fence: i64,
    /// How long ago the first call began; `None` where there was none.
    pub since_first: Option<Duration>,
}

/// What a storage does about a row that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Starts it, if it is still as it was read; this is what the caller gets then.
    Start(Box<Leased>),
    /// Leaves it, and says so.
    Leave(Right),
}

impl EffectRow {
    /// Decides whether it may be started for this intent.
    pub fn ask(self, intent: &Intent) -> Asked {
        if self.record.intent.origin.is_of_other_data(&intent.origin) {
            return Asked::Leave(Right::IdReused);
        }
        let EffectRecord { state, due_in, compensated, .. } = self.record;
        match (state, due_in) {
            (EffectState::Planned | EffectState::Started, None) => Asked::Start(Box::new(self.start())),
            (EffectState::Planned | EffectState::Started, Some(wait)) => Asked::Leave(Right::Busy(wait)),
            (EffectState::Done, _) if compensated => Asked::Leave(Right::Compensated),
            (EffectState::Done, _) => Asked::Leave(Right::Done(self.record.result.unwrap_or_default())),
            (EffectState::Failed | EffectState::Unknown, _) => {
                Asked::Leave(Right::Closed(state, self.record.error.unwrap_or_default()))
            }
        }
    }

    /// Whether this ending was written before, and only its answer was lost.
    pub fn is_ended_by(&self, fence: i64, ending: &Ending) -> bool {
        let Outcome { state, result, .. } = ending.outcome();
        self.fence == fence && self.record.state == state && self.record.result.as_ref() == result
    }

    /// What whoever starts it gets. The call of a holder who has vanished counts from here on, and may have worked.
    pub fn start(self) -> Leased {
        let lost = self.record.state == EffectState::Started;
        Leased {
            intent: self.record.intent,
            fence: self.fence + 1,
            attempts: self.record.attempts.saturating_add(u32::from(lost)),
            uncertain: self.record.uncertain || lost,
            since_first: self.since_first,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        effect::{EffectId, IdempotencyKey, Moment, Origin},
        inbox::ConsumerId,
        message::{EventId, Fingerprint},
    };

    fn row(state: EffectState, due_in: Option<Duration>) -> EffectRow {
        let event = EventId { source: String::new(), id: "1".to_owned() }.key();
        let intent = Intent {
            id: EffectId::of(ConsumerId(1), event, "charge", ""),
            consumer: ConsumerId(1),
            event,
            effect: "charge".to_owned(),
            label: String::new(),
            moment: Moment::Before,
            key: IdempotencyKey::for_test("k"),
            request: "{}".into(),
            origin: Origin::default(),
        };
        let planned = EffectRecord::planned(intent, Duration::ZERO);
        EffectRow {
            record: EffectRecord { state, due_in, attempts: 2, ..planned },
            fence: 7,
            since_first: Some(Duration::from_secs(9)),
        }
    }

    /// For the intent that was written.
    fn ask(row: EffectRow) -> Asked {
        let intent = row.record.intent.clone();
        row.ask(&intent)
    }

    #[test]
    fn a_holder_who_has_vanished_leaves_a_doubt_and_an_attempt() {
        let Asked::Start(leased) = ask(row(EffectState::Started, None)) else { panic!("its lease is over") };
        assert_eq!((leased.fence, leased.attempts, leased.uncertain), (8, 3, true));
        let Asked::Start(leased) = ask(row(EffectState::Planned, None)) else { panic!("it is due") };
        assert_eq!((leased.fence, leased.attempts, leased.uncertain), (8, 2, false));
    }

    #[test]
    fn an_ending_that_is_told_again_is_known() {
        let mut done = row(EffectState::Done, None);
        done.record.result = Some("7".into());
        assert!(done.is_ended_by(7, &Ending::Done("7".into())));
        assert!(!done.is_ended_by(7, &Ending::Done("8".into())), "a person has written another result");
        assert!(!done.is_ended_by(6, &Ending::Done("7".into())), "somebody else has ended it");
        assert!(!done.is_ended_by(7, &Ending::Failed { error: String::new() }));
    }

    #[test]
    fn a_result_is_not_handed_to_an_event_with_other_data() {
        let seen = |data: &[u8]| Origin::default().seen_as(Fingerprint::of(data));
        let asked = |stored: Origin, ours: Origin| {
            let mut done = row(EffectState::Done, None);
            done.record.intent.origin = stored;
            let intent = Intent { origin: ours, ..done.record.intent.clone() };
            done.ask(&intent)
        };
        let replayed = Asked::Leave(Right::Done(Bytes::new()));
        assert_eq!(asked(seen(b"{\"cents\":100}"), seen(b"{\"cents\":500}")), Asked::Leave(Right::IdReused));
        assert_eq!(asked(seen(b"{\"cents\":100}"), seen(b"{ \"cents\": 100 }")), replayed);
        assert_eq!(
            asked(seen(b"{}"), seen(b"no JSON")),
            replayed,
            "taken by two algorithms, they say nothing"
        );
        assert_eq!(asked(Origin::default(), seen(b"{}")), replayed);
    }

    #[test]
    fn nobody_starts_what_is_held_or_ended() {
        let wait = Duration::from_secs(3);
        for state in [EffectState::Planned, EffectState::Started] {
            assert_eq!(ask(row(state, Some(wait))), Asked::Leave(Right::Busy(wait)));
        }
        for state in [EffectState::Failed, EffectState::Unknown] {
            assert_eq!(ask(row(state, None)), Asked::Leave(Right::Closed(state, String::new())));
        }
        let mut done = row(EffectState::Done, None);
        done.record.result = Some("7".into());
        assert_eq!(ask(done.clone()), Asked::Leave(Right::Done("7".into())));
        done.record.compensated = true;
        assert_eq!(ask(done), Asked::Leave(Right::Compensated));
    }
}
