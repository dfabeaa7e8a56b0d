//! A link: one connection to the broker, made anew whenever it is lost.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use consumer_core::{Error, Result, telemetry};
use futures_util::StreamExt;
use lapin::Event;
use metrics::counter;
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    backoff::Backoff,
    board::{Board, Part},
    closed,
    dial::Dialer,
    session::Session,
};

/// How often a connection is asked whether it still is one, should lapin end it without an event.
const LOOK: Duration = Duration::from_secs(1);

/// How long whoever only looks waits for a connection that is lost.
const SOON: Duration = Duration::from_secs(3);

/// The current connection of one direction, for as long as the broker object lives.
#[derive(Clone, Debug)]
pub(super) struct Link {
    current: watch::Receiver<Option<Arc<Session>>>,
    closing: CancellationToken,
}

impl Link {
    /// Connects within `limit`, then keeps the connection for ever.
    ///
    /// # Errors
    /// [`is_refused`](Error::is_refused) at once, [`is_unavailable`](Error::is_unavailable) after `limit`.
    pub(super) async fn open(
        dialer: Dialer,
        part: Part,
        board: Board,
        closing: CancellationToken,
        limit: Duration,
    ) -> Result<Self> {
        let first = first(&dialer, &part, limit).await?;
        let (sender, current) = watch::channel(Some(first.clone()));
        let keeper = Keeper { dialer, part, board, closing: closing.clone(), sender };
        Handle::current().spawn(keeper.run(first));
        Ok(Self { current, closing })
    }

    /// The connection, waited for while there is none; `None` once everything is closing.
    pub(super) async fn session(&self) -> Option<Arc<Session>> {
        if let Some(session) = self.at_once() {
            return Some(session);
        }
        let mut current = self.current.clone();
        tokio::select! {
            biased;
            () = self.closing.cancelled() => None,
            session = current.wait_for(|session| session.as_ref().is_some_and(|session| session.is_alive())) => {
                session.ok().and_then(|session| session.clone())
            }
        }
    }

    /// The connection, if it is there or back within seconds.
    ///
    /// # Errors
    /// [`is_unavailable`](Error::is_unavailable).
    pub(super) async fn soon(&self) -> Result<Arc<Session>> {
        let away = |_| Error::unavailable(format!("the connection to RabbitMQ was not back within {SOON:?}"));
        timeout(SOON, self.session()).await.map_err(away)?.ok_or_else(closed)
    }

    /// The connection as it is nearly always.
    fn at_once(&self) -> Option<Arc<Session>> {
        let session = self.current.borrow();
        let usable = |session: &&Arc<Session>| !self.closing.is_cancelled() && session.is_alive();
        session.as_ref().filter(usable).cloned()
    }

    /// Waits until the keeper is through, after everything was told to close.
    pub(super) async fn closed(&self) {
        let mut current = self.current.clone();
        // The sender goes with the keeper.
        while current.changed().await.is_ok() {}
    }
}

async fn first(dialer: &Dialer, part: &Part, limit: Duration) -> Result<Arc<Session>> {
    let begun = Instant::now();
    let mut backoff = Backoff::default();
    loop {
        let error = match dialer.dial(part).await {
            Ok(session) => return Ok(session),
            Err(error) => error,
        };
        let wait = backoff.after(None);
        if !error.is_unavailable() || begun.elapsed() + wait >= limit {
            return Err(error);
        }
        info!(%error, ?wait, "RabbitMQ is not there yet");
        sleep(wait).await;
    }
}

/// Keeps the link.
struct Keeper {
    dialer: Dialer,
    part: Part,
    board: Board,
    closing: CancellationToken,
    sender: watch::Sender<Option<Arc<Session>>>,
}

impl Keeper {
    async fn run(self, first: Arc<Session>) {
        let mut backoff = Backoff::default();
        let mut session = first;
        loop {
            let begun = Instant::now();
            let reason = tokio::select! {
                () = self.closing.cancelled() => return self.close(&session).await,
                reason = self.watch(&session) => reason,
            };
            session.end(&reason);
            self.lost(&reason);
            session = match self.again(&mut backoff, begun.elapsed()).await {
                Some(session) => session,
                None => return,
            };
        }
    }

    /// Until the connection is lost; says why.
    async fn watch(&self, session: &Session) -> String {
        let mut events = Box::pin(session.connection().events_listener());
        loop {
            let event = tokio::select! {
                biased;
                () = session.ended() => return session.reason(),
                event = events.next() => event,
                () = sleep(LOOK) => None,
            };
            match event {
                Some(Event::ConnectionBlocked(reason)) => self.blocked(session, reason),
                Some(Event::ConnectionUnblocked) => self.unblocked(session),
                Some(Event::Error(error)) => session.blame(&error),
                _ => {}
            }
            if !session.connection().status().connected() {
                return session.reason();
            }
        }
    }

    fn blocked(&self, session: &Session, reason: String) {
        warn!(part = %self.part, reason, "RabbitMQ takes no publishes");
        session.set_blocked(true);
        self.board.blocked(self.part.clone(), reason);
    }

    fn unblocked(&self, session: &Session) {
        info!(part = %self.part, "RabbitMQ takes publishes again");
        session.set_blocked(false);
        self.board.up(&self.part);
    }

    fn lost(&self, reason: &str) {
        warn!(part = %self.part, reason, "connection to RabbitMQ lost");
        self.board.down(self.part.clone(), reason);
        self.sender.send_replace(None);
    }

    /// A new connection, however long it takes; `None` once everything is closing.
    async fn again(&self, backoff: &mut Backoff, lived: Duration) -> Option<Arc<Session>> {
        let mut lived = Some(lived);
        loop {
            let wait = backoff.after(lived.take());
            let dialed = tokio::select! {
                () = self.closing.cancelled() => return None,
                dialed = async { sleep(wait).await; self.dialer.dial(&self.part).await } => dialed,
            };
            match dialed {
                Ok(session) => return Some(self.regained(session)),
                Err(error) => self.still_lost(&error),
            }
        }
    }

    fn regained(&self, session: Arc<Session>) -> Arc<Session> {
        info!(part = %self.part, "connected to RabbitMQ again");
        counter!(telemetry::RECONNECTS, "what" => "connection").increment(1);
        self.board.up(&self.part);
        self.sender.send_replace(Some(session.clone()));
        session
    }

    fn still_lost(&self, error: &Error) {
        warn!(part = %self.part, %error, "no connection to RabbitMQ");
        self.board.down(self.part.clone(), error.to_string());
    }

    async fn close(&self, session: &Session) {
        self.board.down(self.part.clone(), "closed");
        self.sender.send_replace(None);
        if timeout(self.dialer.patience(), session.close()).await.is_err() {
            warn!(part = %self.part, "RabbitMQ did not confirm the close");
        }
        session.end("closed");
    }
}
