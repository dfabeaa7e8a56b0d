//! Returns: which of the messages in flight on a channel no queue took.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, RandomState},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use lapin::types::ShortString;

/// What a returned message is recognised by: its exchange, its routing key and its message id.
///
/// Whatever else a message has may be rewritten by the broker or one of its plugins before it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Likeness(u64);

impl Likeness {
    /// Messages that are alike have the same one. Others may have it by chance, and wait for each other then.
    pub(super) fn of(exchange: &[u8], routing_key: &[u8], message_id: Option<&[u8]>) -> Self {
        static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Self(KEYS.hash_one((exchange, routing_key, message_id)))
    }
}

/// The trays of a connection's channels. The wire puts into them what comes back.
///
/// lapin hands a returned message to whichever confirm it handles next, which need not be its own. RabbitMQ sends a
/// return before the confirm of the same message, and what the wire has seen is in its tray before lapin reads on: once a
/// message is confirmed, its tray knows whether it came back.
#[derive(Clone, Debug, Default)]
pub(super) struct Returns(Arc<Mutex<HashMap<u16, Arc<Tray>>>>);

impl Returns {
    /// A tray for a channel that carries no message yet.
    pub(super) fn open(&self, channel: u16, window: usize) -> Arc<Tray> {
        let tray = Arc::new(Tray { window, load: Mutex::default() });
        self.trays().insert(channel, tray.clone());
        tray
    }

    /// The channel is no more. Its number may be another one's by now.
    pub(super) fn close(&self, channel: u16, tray: &Arc<Tray>) {
        if let Entry::Occupied(entry) = self.trays().entry(channel)
            && Arc::ptr_eq(entry.get(), tray)
        {
            entry.remove();
        }
    }

    /// A message came back; `None` if it cannot be read which one.
    pub(super) fn put(&self, channel: u16, likeness: Option<Likeness>, said: String) {
        let tray = self.trays().get(&channel).cloned();
        if let Some(tray) = tray {
            tray.put(likeness, said);
        }
    }

    fn trays(&self) -> MutexGuard<'_, HashMap<u16, Arc<Tray>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The messages in flight on one channel, no two of them alike, so that each return is the return of one of them.
#[derive(Debug)]
pub(super) struct Tray {
    /// How many there is room for, which also bounds what is kept of returns.
    window: usize,
    load: Mutex<Load>,
}

#[derive(Debug, Default)]
struct Load {
    in_flight: HashMap<Likeness, Flight>,
    /// Something came back that was not in flight, so nothing is certain here any more.
    is_strange: bool,
}

#[derive(Debug)]
struct Flight {
    exchange: ShortString,
    /// What the broker said when it came back.
    returned: Option<String>,
}

/// What is known of a message once it is confirmed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It did not come back.
    Kept,
    /// It came back, for this reason.
    Returned(String),
    /// Something came back that may have been this one.
    Unknown,
}

impl Tray {
    /// Takes a message in, if there is room for it and none like it is in flight.
    pub(super) fn take(&self, likeness: Likeness, exchange: &ShortString) -> bool {
        let mut load = self.load();
        if load.in_flight.len() >= self.window {
            return false;
        }
        match load.in_flight.entry(likeness) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(Flight { exchange: exchange.clone(), returned: None });
                true
            }
        }
    }

    /// Gives a message out that was confirmed, or never sent.
    pub(super) fn give(&self, likeness: Likeness) -> Fate {
        let mut load = self.load();
        let flight = load.in_flight.remove(&likeness);
        match flight {
            _ if load.is_strange => Fate::Unknown,
            Some(Flight { returned: Some(said), .. }) => Fate::Returned(said),
            Some(Flight { returned: None, .. }) => Fate::Kept,
            None => Fate::Unknown,
        }
    }

    pub(super) fn is_strange(&self) -> bool {
        self.load().is_strange
    }

    /// How many messages are in flight to each exchange.
    pub(super) fn by_exchange(&self) -> HashMap<ShortString, usize> {
        let mut counts = HashMap::new();
        for flight in self.load().in_flight.values() {
            *counts.entry(flight.exchange.clone()).or_default() += 1;
        }
        counts
    }

    fn put(&self, likeness: Option<Likeness>, said: String) {
        let mut load = self.load();
        // One that is alone on its channel needs not be recognised.
        let flight = match (likeness, load.in_flight.len()) {
            (_, 1) => load.in_flight.values_mut().next(),
            (likeness, _) => likeness.and_then(|likeness| load.in_flight.get_mut(&likeness)),
        };
        match flight {
            Some(flight) if flight.returned.is_none() => flight.returned = Some(said),
            _ => load.is_strange = true,
        }
    }

    fn load(&self) -> MutexGuard<'_, Load> {
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: usize = 3;

    fn like(key: &str, id: Option<&str>) -> Likeness {
        Likeness::of(b"", key.as_bytes(), id.map(str::as_bytes))
    }

    fn said() -> String {
        "NO_ROUTE".to_owned()
    }

    #[test]
    fn messages_that_a_return_cannot_tell_apart_are_never_in_flight_together() {
        let tray = Returns::default().open(1, WINDOW);
        let take = |likeness| tray.take(likeness, &"".into());
        assert!(take(like("a", None)) && !take(like("a", None)), "neither has an id");
        assert!(take(like("a", Some("1"))) && !take(like("a", Some("1"))), "both have the same");
        assert!(take(like("b", Some("1"))));
        assert!(!take(like("c", Some("1"))), "the window is full");
        assert_eq!(tray.give(like("a", None)), Fate::Kept);
        assert!(take(like("a", None)));
    }

    #[test]
    fn only_what_came_back_is_returned() {
        let returns = Returns::default();
        let tray = returns.open(1, WINDOW);
        for key in ["a", "b", "c"] {
            assert!(tray.take(like(key, None), &"".into()));
        }
        returns.put(2, Some(like("a", None)), said());
        returns.put(1, Some(like("b", None)), said());
        assert_eq!(tray.give(like("a", None)), Fate::Kept);
        assert_eq!(tray.give(like("b", None)), Fate::Returned(said()));
        assert_eq!(tray.give(like("c", None)), Fate::Kept);
    }

    #[test]
    fn a_return_of_nobody_makes_everything_uncertain() {
        let unknown = [None, Some(like("other", None))];
        for likeness in unknown {
            let returns = Returns::default();
            let tray = returns.open(1, WINDOW);
            assert!(tray.take(like("a", None), &"".into()) && tray.take(like("b", None), &"".into()));
            returns.put(1, likeness, said());
            assert!(tray.is_strange());
            assert_eq!(tray.give(like("a", None)), Fate::Unknown);
        }
    }

    #[test]
    fn a_message_that_is_alone_gets_whatever_comes_back() {
        let returns = Returns::default();
        let tray = returns.open(1, WINDOW);
        assert!(tray.take(like("a", None), &"".into()));
        returns.put(1, None, said());
        assert_eq!(tray.give(like("a", None)), Fate::Returned(said()));
    }

    #[test]
    fn a_number_that_is_another_channels_by_now_stays_its() {
        let returns = Returns::default();
        let (old, new) = (returns.open(1, WINDOW), returns.open(1, WINDOW));
        returns.close(1, &old);
        assert!(new.take(like("a", None), &"".into()));
        returns.put(1, Some(like("a", None)), said());
        assert_eq!(new.give(like("a", None)), Fate::Returned(said()));
        returns.close(1, &new);
        assert!(returns.trays().is_empty());
    }
}
