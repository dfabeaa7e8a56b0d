//! The gate in front of a consumer's workers: open, held, handed back or closed for good.

use tokio::sync::watch;

/// Whether deliveries may be taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// They may.
    Open,
    /// Paused: what is buffered is held.
    Held,
    /// Paused for so long that what was buffered went back to the queue.
    HandedBack,
    /// Shutting down: what is not in work goes back to the queue.
    Closed,
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

    /// Moves it, unless it is closed: nothing opens it again.
    pub(super) fn set(&self, position: Position) {
        self.0.send_if_modified(|current| {
            let moves = *current != Position::Closed && *current != position;
            if moves {
                *current = position;
            }
            moves
        });
    }

    /// Holds what is buffered, unless it was handed back already.
    pub(super) fn pause(&self) {
        self.step(Position::Open, Position::Held);
    }

    /// Gives back what is held.
    pub(super) fn hand_back(&self) {
        self.step(Position::Held, Position::HandedBack);
    }

    fn step(&self, from: Position, to: Position) {
        self.0.send_if_modified(|current| {
            let moves = *current == from;
            if moves {
                *current = to;
            }
            moves
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
        gate.set(Position::Closed);
        gate.set(Position::Open);
        gate.pause();
        assert_eq!(gate.position(), Position::Closed);
    }

    #[test]
    fn pausing_twice_does_not_take_back_what_was_handed_back() {
        let gate = Gate::open();
        gate.pause();
        gate.hand_back();
        gate.pause();
        assert_eq!(gate.position(), Position::HandedBack);
    }
}
