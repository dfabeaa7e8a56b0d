//! The gate in front of a consumer's workers: open, held, handed back or closed for good.

use tokio::sync::watch;

/// Whether deliveries may be taken up.
///
/// Giving back takes two steps, because a delivery that goes back to a queue which is still consumed comes again at once:
/// first the reader cancels its subscription, then the workers give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// They may.
    Open,
    /// Paused: what is buffered is held.
    Held,
    /// Paused for too long: the reader is to cancel.
    HandingBack,
    /// The reader has cancelled: what was buffered goes back to the queue.
    HandedBack,
    /// Shutting down: the reader is to cancel.
    Closing,
    /// The reader has cancelled for good: what is not in work goes back to the queue.
    Closed,
}

impl Position {
    /// Whether the reader is to cancel, or has.
    pub(super) fn ends_reading(self) -> bool {
        !matches!(self, Self::Open | Self::Held)
    }

    /// Whether workers give back what they have not begun.
    pub(super) fn gives_back(self) -> bool {
        matches!(self, Self::HandedBack | Self::Closed)
    }
}

/// The gate of one consumer; clones are the same gate.
#[derive(Clone)]
pub(super) struct Gate(watch::Sender<Position>);

impl Gate {
    pub(super) fn open() -> Self {
        Self(watch::Sender::new(Position::Open))
    }

    pub(super) fn position(&self) -> Position {
        *self.0.borrow()
    }

    /// Lets deliveries through again, unless the runtime is shutting down.
    pub(super) fn resume(&self) {
        self.step(|p| match p {
            Position::Held | Position::HandingBack | Position::HandedBack => Some(Position::Open),
            _ => None,
        });
    }

    /// Holds what is buffered.
    pub(super) fn pause(&self) {
        self.step(|p| (p == Position::Open).then_some(Position::Held));
    }

    /// Has what is held given back.
    pub(super) fn hand_back(&self) {
        self.step(|p| (p == Position::Held).then_some(Position::HandingBack));
    }

    /// Has everything given back that is not in work; nothing opens it again.
    pub(super) fn close(&self) {
        self.step(|p| (p != Position::Closed).then_some(Position::Closing));
    }

    /// Says that the subscription is cancelled.
    pub(super) fn cancelled(&self) {
        self.step(|p| match p {
            Position::HandingBack => Some(Position::HandedBack),
            Position::Closing => Some(Position::Closed),
            _ => None,
        });
    }

    fn step(&self, next: impl Fn(Position) -> Option<Position>) {
        self.0.send_if_modified(|position| match next(*position) {
            Some(next) => {
                *position = next;
                true
            }
            None => false,
        });
    }

    /// Waits until the position is one of those that `accept` takes.
    pub(super) async fn reaches(&self, accept: impl Fn(Position) -> bool) -> Position {
        let mut position = self.0.subscribe();
        // The sender lives as long as `self`, so that the channel cannot be closed.
        position.wait_for(|p| accept(*p)).await.map_or(Position::Closed, |p| *p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_opens_a_closed_gate() {
        let gate = Gate::open();
        gate.close();
        gate.resume();
        gate.pause();
        assert_eq!(gate.position(), Position::Closing);
        gate.cancelled();
        gate.resume();
        gate.close();
        assert_eq!(gate.position(), Position::Closed);
    }

    #[test]
    fn workers_give_back_only_after_the_reader_has_cancelled() {
        let gate = Gate::open();
        gate.pause();
        gate.hand_back();
        assert!(gate.position().ends_reading() && !gate.position().gives_back());
        gate.cancelled();
        assert!(gate.position().gives_back());
        gate.pause();
        assert_eq!(gate.position(), Position::HandedBack, "a second pause takes nothing back");
        gate.resume();
        gate.cancelled();
        assert_eq!(gate.position(), Position::Open);
    }
}
