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

    fn is_closing(self) -> bool {
        matches!(self, Self::Closing | Self::Closed)
    }
}

/// Where the gate stands, and who keeps it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    position: Position,
    /// A person has paused it.
    paused: bool,
    /// The circuit breaker was open for too long.
    tripped: bool,
}

/// The gate of one consumer; clones are the same gate.
#[derive(Clone)]
pub(super) struct Gate(watch::Sender<Standing>);

impl Gate {
    pub(super) fn open() -> Self {
        Self(watch::Sender::new(Standing { position: Position::Open, paused: false, tripped: false }))
    }

    pub(super) fn position(&self) -> Position {
        self.0.borrow().position
    }

    /// Whether a person has paused it.
    pub(super) fn is_paused(&self) -> bool {
        let Standing { position, paused, .. } = *self.0.borrow();
        paused && !position.is_closing()
    }

    /// Whether the circuit breaker keeps it from opening.
    pub(super) fn is_tripped(&self) -> bool {
        self.0.borrow().tripped
    }

    /// Holds what is buffered.
    pub(super) fn pause(&self) {
        self.step(|gate| {
            gate.paused = true;
            if gate.position == Position::Open {
                gate.position = Position::Held;
            }
        });
    }

    /// Lets deliveries through again, unless the breaker is against it or the runtime is shutting down.
    pub(super) fn resume(&self) {
        self.step(|gate| {
            gate.paused = false;
            gate.reopen();
        });
    }

    /// Has what is held given back, because the breaker has been open for too long.
    pub(super) fn trip(&self) {
        self.step(|gate| {
            gate.tripped = true;
            if !gate.position.ends_reading() {
                gate.position = Position::HandingBack;
            }
        });
    }

    /// The breaker has nothing against it any more.
    pub(super) fn reset(&self) {
        self.step(|gate| {
            gate.tripped = false;
            gate.reopen();
        });
    }

    /// Has what is held given back.
    pub(super) fn hand_back(&self) {
        self.step(|gate| {
            if gate.position == Position::Held {
                gate.position = Position::HandingBack;
            }
        });
    }

    /// Has everything given back that is not in work; nothing opens it again.
    pub(super) fn close(&self) {
        self.step(|gate| {
            if gate.position != Position::Closed {
                gate.position = Position::Closing;
            }
        });
    }

    /// Says that the subscription is cancelled.
    pub(super) fn cancelled(&self) {
        self.step(|gate| {
            gate.position = match gate.position {
                Position::HandingBack => Position::HandedBack,
                Position::Closing => Position::Closed,
                other => other,
            };
        });
    }

    fn step(&self, change: impl Fn(&mut Standing)) {
        self.0.send_if_modified(|gate| {
            let before = *gate;
            change(gate);
            *gate != before
        });
    }

    /// Waits until the position is one of those that `accept` takes.
    pub(super) async fn reaches(&self, accept: impl Fn(Position) -> bool) -> Position {
        let mut standing = self.0.subscribe();
        // The sender lives as long as `self`, so that the channel cannot be closed.
        standing.wait_for(|gate| accept(gate.position)).await.map_or(Position::Closed, |gate| gate.position)
    }
}

impl Standing {
    fn reopen(&mut self) {
        if !self.paused && !self.tripped && !self.position.is_closing() {
            self.position = Position::Open;
        }
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
        gate.reset();
        assert_eq!(gate.position(), Position::Closing);
        gate.cancelled();
        gate.resume();
        gate.close();
        gate.trip();
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

    #[test]
    fn a_breaker_that_closes_does_not_end_a_pause_and_a_person_does_not_overrule_a_breaker() {
        let gate = Gate::open();
        gate.trip();
        gate.cancelled();
        gate.pause();
        gate.reset();
        assert_eq!((gate.position(), gate.is_paused()), (Position::HandedBack, true));
        gate.trip();
        gate.resume();
        assert_eq!((gate.position(), gate.is_paused()), (Position::HandedBack, false));
        gate.reset();
        assert_eq!(gate.position(), Position::Open);
    }
}
