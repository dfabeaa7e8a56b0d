//! The confirmed publisher: a message is at the broker, or whoever published it knows that it may not be.

mod slot;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use consumer_core::{Error, Result, broker::Publication};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout_at},
};
use tracing::debug;

use self::slot::Slot;
use super::{closed, failure, link::Link, message::Outgoing, session::Session};

/// The bytes of a frame around its payload.
const FRAME: usize = 8;

/// Publishes on channels of a connection of its own, one message in flight on each.
///
/// Confirms of several messages in flight on one channel get mixed up when one of them is returned, so that a lost
/// message would pass for a stored one.
#[derive(Debug)]
pub(super) struct Publisher {
    link: Link,
    limit: Duration,
    permits: Semaphore,
    /// Channels that nobody uses right now, the warmest last.
    idle: Mutex<Vec<Slot>>,
}

impl Publisher {
    /// At most `channels` messages in flight, each confirmed within `limit`.
    pub(super) fn new(link: Link, channels: usize, limit: Duration) -> Self {
        Self { link, limit, permits: Semaphore::new(channels.max(1)), idle: Mutex::default() }
    }

    /// Publishes one message and waits for the broker's confirm.
    pub(super) async fn publish(&self, publication: Publication) -> Result<()> {
        let outgoing = Outgoing::new(publication)?;
        let deadline = Instant::now() + self.limit;
        let permit = timeout_at(deadline, self.permits.acquire()).await;
        let _permit = permit.map_err(|_| self.busy())?.map_err(|_| closed())?;
        loop {
            let session = timeout_at(deadline, self.link.session()).await;
            let session = session.map_err(|_| self.away())?.ok_or_else(closed)?;
            fits(&session, &outgoing)?;
            let attempt = timeout_at(deadline, self.attempt(session.clone(), &outgoing)).await;
            // A channel whose confirm is still to come must not carry another message: it was dropped just now.
            if let Some(published) = attempt.map_err(|_| self.late(&session))? {
                return published;
            }
        }
    }

    /// Waits until the connection is closed.
    pub(super) async fn closed(&self) {
        self.link.closed().await;
    }

    /// Publishes on a channel of this connection; `None` if nothing could be sent there.
    async fn attempt(&self, session: Arc<Session>, outgoing: &Outgoing) -> Option<Result<()>> {
        // A blocked connection writes nothing, and lapin would keep what is given to it meanwhile.
        tokio::select! {
            () = session.unblocked() => {}
            () = session.ended() => return None,
        }
        let mut slot = match self.warm(&session) {
            Some(slot) => slot,
            None => self.open(session).await?,
        };
        let published = slot.publish(outgoing).await;
        // A channel remembers that a queue was full, also when it no longer is.
        if !published.as_ref().is_err_and(Error::is_unconfirmed) {
            self.keep(slot);
        }
        Some(published)
    }

    async fn open(&self, session: Arc<Session>) -> Option<Slot> {
        match Slot::open(session).await {
            Ok(slot) => Some(slot),
            Err(error) => {
                debug!(%error, "no channel to publish on");
                sleep(PAUSE).await;
                None
            }
        }
    }

    fn warm(&self, session: &Arc<Session>) -> Option<Slot> {
        let mut idle = self.idle();
        idle.retain(|slot| slot.is_of(session));
        idle.pop()
    }

    fn keep(&self, slot: Slot) {
        if slot.is_usable() {
            self.idle().push(slot);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.idle.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn late(&self, session: &Session) -> Error {
        let why = if session.is_blocked() {
            "it is blocked and takes no publishes"
        } else {
            "it may be overloaded"
        };
        Error::unconfirmed(format!("RabbitMQ did not confirm a message within {:?}: {why}", self.limit))
    }

    fn busy(&self) -> Error {
        Error::unavailable(format!("no channel to publish on was free within {:?}", self.limit))
    }

    fn away(&self) -> Error {
        Error::unavailable(format!(
            "RabbitMQ could not be reached for {:?}, so a message was not published",
            self.limit
        ))
    }
}

/// Between attempts to open a channel on a connection that refuses it.
const PAUSE: Duration = Duration::from_millis(100);

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

/// Why a channel ended while a message was on it.
fn refused(outgoing: &Outgoing, error: &lapin::Error) -> Error {
    let (said, exchange) = (failure::text(error), &outgoing.exchange);
    match failure::reply_code(error) {
        Some(failure::NOT_FOUND) => Error::unroutable(format!(
            "a message was published to exchange '{exchange}', which does not exist, and is not stored: {said}"
        )),
        Some(failure::ACCESS_REFUSED) => Error::refused(format!(
            "this user may not publish to exchange '{exchange}': {said}; allow it with `rabbitmqctl set_permissions`"
        )),
        Some(failure::PRECONDITION_FAILED) => {
            Error::unpublishable(format!("RabbitMQ does not take a message as it is: {said}"))
        }
        _ => Error::unconfirmed(format!("RabbitMQ went away before it confirmed a message: {said}")),
    }
}
