//! The rules, by table and by provider that does what it likes.

use proptest::prelude::*;

use super::*;
use crate::{
    effect::{EffectId, IdempotencyKey, Intent, Origin},
    inbox::ConsumerId,
    message::EventId,
};

fn leased(attempts: u32, uncertain: bool, since_first: Option<u64>) -> Leased {
    let event = EventId { source: String::new(), id: "1".to_owned() }.key();
    let intent = Intent {
        id: EffectId::of(ConsumerId(1), event, "charge", ""),
        consumer: ConsumerId(1),
        event,
        effect: "charge".to_owned(),
        label: String::new(),
        moment: Moment::After,
        key: IdempotencyKey::for_test("key"),
        request: Bytes::from_static(b"{}"),
        origin: Origin::default(),
    };
    let since_first = since_first.map(Duration::from_secs);
    Leased { intent, fence: 1, attempts, uncertain, since_first }
}

const KEYED: EffectSpec =
    EffectSpec { attempts: 3, key_lifetime: Duration::from_secs(100), ..EffectSpec::new("charge") };
const UNKEYED: EffectSpec = EffectSpec { keyed: false, ..KEYED };
const RESOLVED: EffectSpec = EffectSpec { resolves: true, ..KEYED };
const UNKEYED_RESOLVED: EffectSpec = EffectSpec { resolves: true, ..UNKEYED };

fn failed(permanent: bool, effected: Effected) -> Reply {
    Reply::Failed(CallFailure { permanent, effected, retry_after: None, error: "oh".to_owned() })
}

#[test]
fn before_a_call() {
    let table = [
        (KEYED, leased(0, false, None), Next::Call),
        (KEYED, leased(2, false, Some(1000)), Next::Call),
        (KEYED, leased(3, false, Some(1)), Next::Exhausted),
        (KEYED, leased(2, true, Some(99)), Next::Call),
        (KEYED, leased(2, true, Some(100)), Next::Unknown(Doubt::KeyExpired)),
        (KEYED, leased(3, true, Some(1)), Next::Unknown(Doubt::Exhausted)),
        (RESOLVED, leased(2, true, Some(99)), Next::Call),
        (RESOLVED, leased(2, true, Some(100)), Next::Resolve),
        (RESOLVED, leased(3, true, Some(1)), Next::Resolve),
        (RESOLVED, leased(3, false, Some(1)), Next::Exhausted),
        (UNKEYED, leased(1, false, Some(1)), Next::Call),
        (UNKEYED, leased(1, true, Some(1)), Next::Unknown(Doubt::Unkeyed)),
        (UNKEYED_RESOLVED, leased(1, true, Some(1)), Next::Resolve),
    ];
    for (spec, leased, next) in table {
        assert_eq!(decide(&spec, &leased), next, "{spec:?} {leased:?}");
    }
}

#[test]
fn after_a_call() {
    let again = |seconds, uncertain| Ending::Again {
        wait: Duration::from_secs(seconds),
        error: "oh".into(),
        uncertain,
    };
    let known = || Ending::Failed { error: "oh".into() };
    let fresh = || leased(0, false, None);
    let table = [
        (KEYED, fresh(), failed(false, Effected::Nothing), again(1, false)),
        (KEYED, fresh(), failed(false, Effected::Unknown), again(1, true)),
        (KEYED, leased(1, true, Some(1)), failed(false, Effected::Nothing), again(2, true)),
        (KEYED, leased(1, true, Some(1)), failed(false, Effected::Never), again(2, false)),
        (KEYED, fresh(), failed(true, Effected::Nothing), known()),
        (KEYED, leased(1, true, Some(1)), failed(true, Effected::Never), known()),
        (UNKEYED, fresh(), failed(false, Effected::Nothing), again(1, false)),
        (UNKEYED_RESOLVED, fresh(), failed(false, Effected::Unknown), again(1, true)),
        (KEYED, leased(2, false, Some(1)), failed(false, Effected::Nothing), known()),
    ];
    for (spec, leased, reply, ending) in table {
        assert_eq!(conclude(&spec, &leased, reply.clone(), 1.0), ending, "{spec:?} {leased:?} {reply:?}");
    }
    let doubtful = [
        (UNKEYED, fresh(), failed(false, Effected::Unknown)),
        (UNKEYED, leased(1, true, Some(1)), failed(true, Effected::Never)),
        (KEYED, leased(1, true, Some(1)), failed(true, Effected::Nothing)),
        (KEYED, leased(2, false, Some(1)), failed(false, Effected::Unknown)),
        (KEYED, leased(1, false, Some(100)), failed(false, Effected::Unknown)),
    ];
    for (spec, leased, reply) in doubtful {
        let ending = conclude(&spec, &leased, reply.clone(), 1.0);
        assert!(matches!(ending, Ending::Unknown { .. }), "{spec:?} {leased:?} {reply:?}: {ending:?}");
    }
}

#[test]
fn after_the_provider_was_asked() {
    let lost = || leased(1, true, Some(1));
    let unclear = || Finding::Unclear("oh".to_owned());
    assert_eq!(consider(&RESOLVED, &lost(), Finding::NotDone, 1.0), Considered::Call);
    let done = Bytes::from_static(b"1");
    let end = consider(&RESOLVED, &lost(), Finding::Done(done.clone()), 1.0);
    assert_eq!(end, Considered::End(Ending::Done(done)));
    let wait = Duration::from_secs(2);
    let again = Ending::Again { wait, error: "oh".into(), uncertain: true };
    assert_eq!(consider(&RESOLVED, &lost(), unclear(), 1.0), Considered::End(again));
    let last = consider(&RESOLVED, &leased(2, true, Some(1)), unclear(), 1.0);
    assert!(matches!(last, Considered::End(Ending::Unknown { .. })), "{last:?}");
    let spent = consider(&RESOLVED, &leased(3, true, Some(1)), Finding::NotDone, 1.0);
    assert!(matches!(spent, Considered::End(Ending::Failed { .. })), "{spent:?}");
}

#[test]
fn a_provider_that_names_its_wait_gets_it_up_to_a_limit() {
    let asks = |asked, moment| {
        let mut leased = leased(0, false, None);
        leased.intent.moment = moment;
        let failure = CallFailure {
            permanent: false,
            effected: Effected::Nothing,
            retry_after: Some(asked),
            error: String::new(),
        };
        match conclude(&KEYED, &leased, Reply::Failed(failure), 0.0) {
            Ending::Again { wait, .. } => wait,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(asks(Duration::from_secs(77), Moment::After), Duration::from_secs(77));
    assert_eq!(asks(Duration::MAX, Moment::After), LONGEST_ASKED);
    assert_eq!(asks(Duration::MAX, Moment::Before), LONGEST_BEFORE);
}

/// What a provider does with one call, or one question, and how long the next one takes to come.
#[derive(Clone, Debug)]
struct Move {
    works: bool,
    says: Says,
    dies: bool,
    later: u64,
}

#[derive(Clone, Copy, Debug)]
enum Says {
    Truth,
    Nothing,
    Refused,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let says = prop::sample::select(vec![Says::Truth, Says::Nothing, Says::Refused]);
    let one = (any::<bool>(), says, prop::bool::weighted(0.2), 0u64..60);
    let one = one.prop_map(|(works, says, dies, later)| Move { works, says, dies, later });
    prop::collection::vec(one, 1..40)
}

fn spec() -> impl Strategy<Value = EffectSpec> {
    (any::<bool>(), any::<bool>(), 1u32..6).prop_map(|(keyed, resolves, attempts)| EffectSpec {
        keyed,
        resolves,
        attempts,
        ..KEYED
    })
}

/// A provider, honest but lossy; one that honours keys does nothing a second time while it remembers them.
struct World {
    spec: EffectSpec,
    clock: u64,
    first: Option<u64>,
    attempts: u32,
    calls: u32,
    uncertain: bool,
    worked_at: Option<u64>,
    times: u32,
}

impl World {
    fn leased(&self) -> Leased {
        leased(self.attempts, self.uncertain, self.first.map(|first| self.clock - first))
    }

    fn call(&mut self, works: bool) -> bool {
        self.calls += 1;
        self.first.get_or_insert(self.clock);
        let lifetime = self.spec.key_lifetime.as_secs();
        let remembered = self.worked_at.is_some_and(|at| self.clock - at < lifetime);
        if self.spec.keyed && remembered {
            return true;
        }
        if works {
            self.worked_at = Some(self.clock);
            self.times += 1;
        }
        works
    }

    fn reply(&mut self, step: &Move) -> Reply {
        let done = self.call(step.works);
        match step.says {
            Says::Truth if done => Reply::Done(Bytes::new()),
            Says::Truth => failed(false, Effected::Nothing),
            Says::Nothing => failed(false, Effected::Unknown),
            Says::Refused if done => Reply::Done(Bytes::new()),
            Says::Refused => failed(true, Effected::Nothing),
        }
    }

    fn finding(&self, step: &Move) -> Finding {
        match step.says {
            Says::Truth | Says::Refused if self.times > 0 => Finding::Done(Bytes::new()),
            Says::Truth | Says::Refused => Finding::NotDone,
            Says::Nothing => Finding::Unclear(String::new()),
        }
    }

    /// One lease; `None` if the caller died.
    fn step(&mut self, step: &Move) -> Option<Ending> {
        let leased = self.leased();
        let (leased, considered) = match decide(&self.spec, &leased) {
            Next::Call => (leased, Considered::Call),
            Next::Resolve => {
                let considered = consider(&self.spec, &leased, self.finding(step), 0.5);
                (Leased { uncertain: false, ..leased }, considered)
            }
            Next::Exhausted => (leased, Considered::End(Ending::Failed { error: String::new() })),
            Next::Unknown(_) => (leased, Considered::End(Ending::Unknown { error: String::new() })),
        };
        match considered {
            Considered::End(ending) => Some(ending),
            Considered::Call => {
                let reply = self.reply(step);
                (!step.dies).then(|| conclude(&self.spec, &leased, reply, 0.5))
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_a_provider_does_nothing_is_done_twice_and_nothing_is_called_too_often(
        spec in spec(),
        moves in moves(),
    ) {
        let mut world = World {
            spec, clock: 0, first: None, attempts: 0, calls: 0, uncertain: false, worked_at: None, times: 0,
        };
        for step in &moves {
            let ending = world.step(step);
            prop_assert!(world.times <= 1, "done twice");
            prop_assert!(world.calls <= spec.attempts, "called too often");
            world.clock += step.later;
            world.attempts += 1;
            match ending {
                None => world.uncertain = true,
                Some(Ending::Again { uncertain, .. }) => world.uncertain = uncertain,
                Some(Ending::Done(_)) => {
                    prop_assert_eq!(world.times, 1, "said to be done");
                    break;
                }
                Some(Ending::Failed { .. }) => {
                    prop_assert_eq!(world.times, 0, "said not to be done");
                    break;
                }
                Some(_) => break,
            }
        }
    }
}
