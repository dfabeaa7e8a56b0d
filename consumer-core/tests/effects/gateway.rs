//! A provider in this process, which honours keys and does on demand what providers do.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use consumer_core::effect::ProviderError;
use tokio::time::{Instant, sleep};

/// What it does with one call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whim {
    /// Does it, says so.
    Works,
    /// Does it, and says so after this time.
    Slow(Duration),
    /// Does it, and the answer is lost.
    AnswerLost,
    /// Does nothing, and nobody can tell.
    RequestLost,
    /// Does it, and is never heard of again.
    Hangs,
    /// Does nothing, and says so.
    Busy,
    /// Does nothing, says so, and asks to wait.
    Later(Duration),
    /// Refuses this call.
    Refuses,
    /// Has decided about this key.
    Declines,
    /// The client panics after the call.
    Panics,
}

/// A call that reached it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) effect: &'static str,
    pub(crate) key: String,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

/// The provider; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Gateway(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    whims: VecDeque<Whim>,
    /// The effect whose calls never end.
    hangs: Option<&'static str>,
    calls: Vec<Call>,
    /// What was done: the body, and the number it got.
    done: BTreeMap<(&'static str, String), (String, u64)>,
}

impl Gateway {
    /// One whim after the other; then it works.
    pub(crate) fn with(whims: &[Whim]) -> Self {
        let gateway = Self::default();
        gateway.state().whims.extend(whims);
        gateway
    }

    /// Never answers a call of this effect.
    pub(crate) fn hang(&self, effect: &'static str) {
        self.state().hangs = Some(effect);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics in here")
    }

    /// The calls that reached it.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// How many of them were calls of this effect.
    pub(crate) fn calls_of(&self, effect: &str) -> usize {
        self.state().calls.iter().filter(|call| call.effect == effect).count()
    }

    /// How many things it has done.
    pub(crate) fn done(&self) -> usize {
        self.state().done.len()
    }

    /// What it has done under a key of an effect.
    pub(crate) fn looked_up(&self, effect: &'static str, key: &str) -> Option<u64> {
        self.state().done.get(&(effect, key.to_owned())).map(|(_, number)| *number)
    }

    /// Asserts that every call of one key had one body.
    pub(crate) fn assert_identical_bodies(&self) {
        let mut bodies = BTreeMap::new();
        for Call { effect, key, body, .. } in self.calls() {
            let first = bodies.entry((effect, key)).or_insert_with(|| body.clone());
            assert_eq!(*first, body, "one key, two bodies");
        }
    }

    /// One call.
    pub(crate) async fn call(
        &self,
        effect: &'static str,
        key: &str,
        body: &str,
    ) -> Result<u64, ProviderError> {
        let whim = self.arrive(effect, key, body);
        let number = match whim {
            Whim::Busy | Whim::Later(_) | Whim::Refuses | Whim::Declines | Whim::RequestLost => 0,
            _ => self.act(effect, key, body),
        };
        match whim {
            Whim::Works => Ok(number),
            Whim::Slow(time) => {
                sleep(time).await;
                Ok(number)
            }
            Whim::AnswerLost | Whim::RequestLost => Err(ProviderError::unknown("the answer was lost")),
            Whim::Hangs => std::future::pending().await,
            Whim::Busy => Err(ProviderError::not_done("busy")),
            Whim::Later(wait) => Err(ProviderError::not_done("later").retry_after(wait)),
            Whim::Refuses => Err(ProviderError::refused("wrong password")),
            Whim::Declines => Err(ProviderError::declined("no money")),
            Whim::Panics => panic!("as asked"),
        }
    }

    fn arrive(&self, effect: &'static str, key: &str, body: &str) -> Whim {
        let mut state = self.state();
        let (key, body) = (key.to_owned(), body.to_owned());
        state.calls.push(Call { effect, key, body, at: Instant::now() });
        match state.hangs == Some(effect) {
            true => Whim::Hangs,
            false => state.whims.pop_front().unwrap_or(Whim::Works),
        }
    }

    fn act(&self, effect: &'static str, key: &str, body: &str) -> u64 {
        let mut state = self.state();
        let next = state.done.len() as u64 + 1;
        let (_, number) = state.done.entry((effect, key.to_owned())).or_insert((body.to_owned(), next));
        *number
    }
}
