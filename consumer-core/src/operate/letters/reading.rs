//! Reading a dead-letter queue: take a letter, look at it, keep it in hand until the end.

use std::time::Duration;

use super::taken::{Owed, Taken};
use crate::{
    broker::{Broker, QueueSpec, Subscription, Topology},
    clock,
    error::{Error, Result},
};

/// How many letters the broker sends ahead at first. Whatever is sent ahead waits here with its body.
const FIRST_WINDOW: u16 = 256;
/// How long a letter may be on its way.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often in a row the broker may send nothing although letters wait.
const MOST_SILENCES: u32 = 5;

/// One passage through a queue, from its first letter to what was its last at the beginning.
///
/// AMQP has no look without taking: what is in hand here, nobody else gets meanwhile. What is not wanted is kept until the
/// end, as a number without a body, and goes back then. A window that is full of such is followed by a larger one, so that
/// no more is sent ahead than was looked at already.
pub(super) struct Reading<B: Broker> {
    broker: B,
    queue: QueueSpec,
    /// Before what is kept, which would be sent again.
    window: B::Subscription,
    kept: Vec<Owed>,
    size: u16,
    /// How many of this window are kept.
    filled: u16,
    pub(super) depth: u64,
    pub(super) looked_at: u64,
}

impl<B: Broker> Reading<B> {
    /// At the beginning of a queue.
    pub(super) async fn begin(broker: B, queue: &str) -> Result<Self> {
        let missing = || Error::topology(format!("there is no dead-letter queue `{queue}`"));
        let depth = broker.depth(queue).await?.ok_or_else(missing)?;
        let queue = QueueSpec { topology: Topology::Leave, ..QueueSpec::new(queue) };
        let window = broker.subscribe(&queue, FIRST_WINDOW).await?;
        let (kept, size, filled, looked_at) = (Vec::new(), FIRST_WINDOW, 0, 0);
        Ok(Self { broker, queue, kept, window, size, filled, depth, looked_at })
    }

    /// The next letter; `None` after as many as there were at the beginning, or where the others are in somebody else's
    /// hand.
    ///
    /// # Errors
    /// The broker is away, or hands out nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Taken>> {
        if self.looked_at == self.depth {
            return Ok(None);
        }
        self.widen().await?;
        for _ in 0..MOST_SILENCES {
            if let Ok(next) = clock::timeout(PATIENCE, self.window.next()).await {
                self.looked_at += u64::from(next.is_some());
                return Ok(next.map(Taken::new));
            }
            if self.broker.depth(&self.queue.name).await?.is_none_or(|left| left == 0) {
                return Ok(None);
            }
        }
        Err(Error::unavailable(format!(
            "letters wait in `{}`, but the broker hands out none; does somebody consume the queue exclusively?",
            self.queue.name
        )))
    }

    /// Keeps a letter in hand until the end.
    pub(super) fn keep(&mut self, taken: Taken) {
        self.kept.push(taken.into_owed());
        self.filled += 1;
    }

    /// Gives everything back in the order in which it was taken. Dropped instead, it does so in another.
    pub(super) async fn end(mut self) {
        self.window.cancel().await;
        while let Ok(Some(delivery)) = clock::timeout(PATIENCE, self.window.next()).await {
            self.kept.push(Taken::new(delivery).into_owed());
        }
        self.kept.into_iter().for_each(drop);
    }

    /// Has more sent where all that was is kept.
    async fn widen(&mut self) -> Result<()> {
        if self.filled == self.size {
            self.size = self.size.saturating_mul(2);
            self.filled = 0;
            self.window = self.broker.subscribe(&self.queue, self.size).await?;
        }
        Ok(())
    }
}
