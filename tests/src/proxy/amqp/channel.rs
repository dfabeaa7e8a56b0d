//! One channel, as a proxy sees it: what was delivered and is owed, what was published and waits for its confirm.

use std::collections::BTreeMap;

/// What is known of a channel.
#[derive(Default)]
pub(super) struct Channel {
    queue: String,
    /// Ids of deliveries that nobody has settled.
    owed: BTreeMap<u64, String>,
    /// Ids of publishes that nobody has confirmed.
    unconfirmed: BTreeMap<u64, String>,
    publishes: u64,
    delivering: Option<u64>,
    publishing: Option<u64>,
}

/// Deliveries of one queue that an acknowledgement covers.
pub(super) struct Covered {
    pub(super) queue: String,
    pub(super) ids: Vec<String>,
}

impl Channel {
    pub(super) fn consumes(&mut self, queue: String) {
        self.queue = queue;
    }

    pub(super) fn delivers(&mut self, tag: u64) {
        self.delivering = Some(tag);
    }

    pub(super) fn publishes(&mut self) {
        self.publishes += 1;
        self.publishing = Some(self.publishes);
    }

    /// The content header of what the server delivers.
    pub(super) fn delivered(&mut self, id: String) {
        self.owed.extend(self.delivering.take().map(|tag| (tag, id)));
    }

    /// The content header of what the client publishes.
    pub(super) fn published(&mut self, id: String) {
        self.unconfirmed.extend(self.publishing.take().map(|number| (number, id)));
    }

    /// How many deliveries nobody has settled.
    pub(super) fn owed(&self) -> u64 {
        self.owed.len() as u64
    }

    /// The client settles deliveries.
    pub(super) fn settle(&mut self, tag: u64, multiple: bool) -> Covered {
        Covered { queue: self.queue.clone(), ids: take(&mut self.owed, tag, multiple) }
    }

    /// The server confirms publishes.
    pub(super) fn confirm(&mut self, tag: u64, multiple: bool) -> Vec<String> {
        take(&mut self.unconfirmed, tag, multiple)
    }
}

/// Takes out a tag, or everything up to it; 0 is everything.
fn take(from: &mut BTreeMap<u64, String>, tag: u64, multiple: bool) -> Vec<String> {
    if !multiple {
        return from.remove(&tag).into_iter().collect();
    }
    let later = if tag == 0 { BTreeMap::new() } else { from.split_off(&(tag + 1)) };
    std::mem::replace(from, later).into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_covers_what_was_delivered_until_then() {
        let mut channel = Channel::default();
        channel.consumes("q".into());
        for tag in 1..=5 {
            channel.delivers(tag);
            channel.delivered(tag.to_string());
        }
        assert_eq!(channel.settle(2, false).ids, ["2"]);
        assert_eq!(channel.settle(4, true).ids, ["1", "3", "4"]);
        assert_eq!(channel.settle(4, true).ids, [""; 0]);
        assert_eq!(channel.settle(0, true).ids, ["5"]);
    }
}
