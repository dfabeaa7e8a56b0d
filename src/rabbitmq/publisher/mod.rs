//! The confirmed publisher: a message is at the broker, or whoever published it knows that it may not be.

mod lane;
mod pool;
mod suspects;
mod verdict;

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use consumer_core::{Error, Result, broker::Publication};
use tokio::time::{Sleep, sleep};

use self::{
    pool::{Berth, Pool},
    suspects::{Suspect, Suspects},
};
use super::{closed, link::Link, message::Outgoing, session::Session};

/// The bytes of a frame around its payload.
const FRAME: usize = 8;
/// Messages in flight on one channel. A quorum queue is busy with fewer, and when the broker closes the channel over one
/// of them, all the others are published again.
const WINDOW: usize = 256;

/// Publishes on channels of a connection of its own, many messages in flight on each.
///
/// Messages that a return could not tell apart are on different channels. What ended a channel is published alone until
/// the broker takes it, so that it costs the others one channel and no more.
#[derive(Debug)]
pub(super) struct Publisher {
    link: Link,
    limit: Duration,
    channels: usize,
    suspects: Suspects,
    pools: Mutex<Option<Arc<Pools>>>,
}

/// The channels of one connection.
#[derive(Debug)]
struct Pools {
    session: Arc<Session>,
    shared: Arc<Pool>,
    /// For one message at a time.
    alone: Arc<Pool>,
}

impl Pools {
    fn new(session: Arc<Session>, channels: usize) -> Arc<Self> {
        let pool = |window| Pool::new(session.clone(), channels, window);
        Arc::new(Self { shared: pool(WINDOW), alone: pool(1), session: session.clone() })
    }
}

impl Publisher {
    /// At most `channels` channels for many messages, and as many again for suspects, each message confirmed within
    /// `limit`.
    pub(super) fn new(link: Link, channels: usize, limit: Duration) -> Self {
        Self { link, limit, channels, suspects: Suspects::default(), pools: Mutex::default() }
    }

    /// Publishes one message and waits for the broker's confirm.
    ///
    /// # Cancel safety
    /// None: dropped, it spends a channel.
    pub(super) async fn publish(&self, publication: Publication) -> Result<()> {
        let mut outgoing = Outgoing::new(publication)?;
        let mut deadline = pin!(sleep(self.limit));
        loop {
            let session = before(deadline.as_mut(), self.link.session()).await;
            let session = session.ok_or_else(|| self.away())?.ok_or_else(closed)?;
            fits(&session, &outgoing)?;
            let berth = before(deadline.as_mut(), self.board(&session, &outgoing)).await;
            if let Some(berth) = berth.ok_or_else(|| self.no_room(&session))? {
                return self.send(&session, berth, &mut outgoing, deadline).await;
            }
        }
    }

    /// Waits until the connection is closed.
    pub(super) async fn closed(&self) {
        self.link.closed().await;
    }

    /// Room on a channel of this connection; `None` once the connection is gone.
    async fn board(&self, session: &Arc<Session>, outgoing: &Outgoing) -> Option<Berth> {
        // A blocked connection writes nothing, and lapin would keep what is given to it meanwhile.
        if session.is_blocked() {
            tokio::select! {
                () = session.unblocked() => {}
                () = session.ended() => return None,
            }
        }
        let pools = self.pools(session);
        let pool = if self.suspects.are_in(outgoing) { &pools.alone } else { &pools.shared };
        pool.board(outgoing.likeness, &outgoing.exchange).await
    }

    async fn send(
        &self,
        session: &Session,
        mut berth: Berth,
        outgoing: &mut Outgoing,
        deadline: Pin<&mut Sleep>,
    ) -> Result<()> {
        let confirmed = before(deadline, berth.fly().publish(outgoing)).await;
        match confirmed {
            Some(confirmed) => self.judge(berth, outgoing, confirmed),
            None => {
                if !session.is_blocked() {
                    self.suspects.add(Suspect::route(outgoing));
                }
                Err(self.late(session))
            }
        }
    }

    fn pools(&self, session: &Arc<Session>) -> Arc<Pools> {
        let mut pools = self.current();
        match &*pools {
            Some(pools) if Arc::ptr_eq(&pools.session, session) => pools.clone(),
            _ => pools.insert(Pools::new(session.clone(), self.channels)).clone(),
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<Pools>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn late(&self, session: &Session) -> Error {
        let why = if session.is_blocked() {
            "it is blocked and takes no publishes"
        } else {
            "it may be overloaded"
        };
        Error::unconfirmed(format!("RabbitMQ did not confirm a message within {:?}: {why}", self.limit))
    }

    fn no_room(&self, session: &Session) -> Error {
        if session.is_blocked() {
            return self.late(session);
        }
        Error::unavailable(format!("no channel to publish on was free within {:?}", self.limit))
    }

    fn away(&self) -> Error {
        Error::unavailable(format!(
            "RabbitMQ could not be reached for {:?}, so a message was not published",
            self.limit
        ))
    }
}

/// What comes before the deadline.
async fn before<T>(deadline: Pin<&mut Sleep>, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = future => Some(done),
        () = deadline => None,
    }
}

/// The content header has to fit one frame; the broker ends the connection over one that does not.
fn fits(session: &Session, outgoing: &Outgoing) -> Result<()> {
    let frame = session.connection().configuration().frame_max() as usize;
    if frame > 0 && outgoing.header_len + FRAME > frame {
        return Err(Error::unpublishable(format!(
            "the properties and headers of a message take {} bytes, and RabbitMQ takes at most {} (`frame_max`)",
            outgoing.header_len,
            frame - FRAME,
        )));
    }
    Ok(())
}
