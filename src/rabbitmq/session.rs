//! A session: one connection from its handshake to its end.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use lapin::{Channel, Connection};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{failure, returns::Returns};

/// How long a broker that answers at all may take to open a channel.
const ANSWER: Duration = Duration::from_secs(10);

/// A connection that lapin keeps and that we can cut.
#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    cut: CancellationToken,
    blocked: watch::Sender<bool>,
    returns: Returns,
    /// The first error that lapin reported, which is the one that says why.
    blamed: Mutex<Option<String>>,
}

impl Session {
    pub(super) fn new(connection: Connection, cut: CancellationToken, returns: Returns) -> Self {
        Self { connection, cut, blocked: watch::Sender::new(false), returns, blamed: Mutex::new(None) }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Where what comes back from the broker is put.
    pub(super) fn returns(&self) -> &Returns {
        &self.returns
    }

    /// A new channel.
    pub(super) async fn channel(&self) -> lapin::Result<Channel> {
        self.connection.create_channel().await
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.cut.is_cancelled() && self.connection.status().connected()
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) {
        self.cut.cancelled().await;
    }

    /// Ends it at once, whether or not the broker answers.
    pub(super) fn end(&self, reason: &str) {
        self.note(reason.to_owned());
        self.cut.cancel();
    }

    /// Ends it if the broker does not even open a channel, and says whether it did: a queue without a leader is silent too,
    /// and other consumers must not lose their connection for it.
    pub(super) async fn end_if_silent(&self) -> bool {
        let answers = matches!(timeout(ANSWER, self.channel()).await, Ok(Ok(_)));
        if !answers {
            self.end("RabbitMQ does not answer");
        }
        !answers
    }

    /// Ends it properly.
    pub(super) async fn close(&self) {
        // An error says that it is closed already.
        let _ = self.connection.close(200, "closed by the application".into()).await;
    }

    /// Notes an error that may be the end of the connection.
    pub(super) fn blame(&self, error: &lapin::Error) {
        if failure::ends_connection(error) {
            self.note(failure::text(error));
        }
    }

    /// Why it ended.
    pub(super) fn reason(&self) -> String {
        self.blamed().clone().unwrap_or_else(|| "the connection was closed".to_owned())
    }

    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.send_replace(blocked);
    }

    pub(super) fn is_blocked(&self) -> bool {
        *self.blocked.borrow()
    }

    /// Waits until the broker takes publishes.
    pub(super) async fn unblocked(&self) {
        // The sender lives in `self`.
        let _ = self.blocked.subscribe().wait_for(|blocked| !blocked).await;
    }

    fn note(&self, reason: String) {
        self.blamed().get_or_insert(reason);
    }

    fn blamed(&self) -> MutexGuard<'_, Option<String>> {
        self.blamed.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.cut.cancel();
    }
}
