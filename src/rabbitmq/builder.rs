//! The builder of a connection to RabbitMQ.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};

use consumer_core::{Error, Result};
use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use tokio_util::sync::CancellationToken;

use super::{
    RabbitMq, Shared,
    address::Address,
    board::{Board, Part},
    dial::Dialer,
    engine::Engine,
    link::Link,
    publisher::Publisher,
};

/// Often enough to notice a dead connection within half a minute, seldom enough to survive a busy machine.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// RabbitMQ takes whole seconds, and 0 means none.
const SHORTEST_HEARTBEAT: Duration = Duration::from_secs(1);
/// How long [`RabbitMqBuilder::connect`] waits for a broker that is not there yet.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// Far above any healthy confirm; during an alarm none ever comes.
const CONFIRM_WITHIN: Duration = Duration::from_secs(10);
/// One or two carry a relay at full speed; the others are for messages alike, and for when a queue is slow or full.
const PUBLISH_CHANNELS: usize = 8;

/// Settings of a connection to RabbitMQ; see [`RabbitMq::builder`].
#[derive(Clone)]
#[must_use = "nothing happens until `connect`"]
pub struct RabbitMqBuilder {
    url: String,
    name: String,
    heartbeat: Option<Duration>,
    connect_within: Duration,
    confirm_within: Duration,
    publish_channels: usize,
    tls: OwnedTLSConfig,
}

impl RabbitMqBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            name: program(),
            heartbeat: None,
            connect_within: CONNECT_WITHIN,
            confirm_within: CONFIRM_WITHIN,
            publish_channels: PUBLISH_CHANNELS,
            tls: OwnedTLSConfig::default(),
        }
    }

    /// The name of the connections in RabbitMQ's management interface and log; the program's name by default.
    pub fn connection_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How often both sides show that they are alive; 15 s by default, or what the address says with `?heartbeat=`.
    ///
    /// After two of them in silence the connection is given up. The server may ask for less.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = Some(interval);
        self
    }

    /// How long [`connect`](Self::connect) keeps trying while RabbitMQ cannot be reached; 30 s by default.
    ///
    /// One attempt takes at most 10 s, or what the address says with `?connection_timeout=` in milliseconds.
    pub fn connect_within(mut self, limit: Duration) -> Self {
        self.connect_within = limit;
        self
    }

    /// How long a publish waits for its confirm; 10 s by default.
    ///
    /// Afterwards the message counts as [unconfirmed](Error::is_unconfirmed): while RabbitMQ is short of memory or disk
    /// space, no confirm ever comes.
    pub fn confirm_within(mut self, limit: Duration) -> Self {
        self.confirm_within = limit;
        self
    }

    /// How many channels messages are published on, up to 256 at once on each; 8 by default.
    ///
    /// Messages for the same exchange with the same routing key and the same message id, or none, are never on the same
    /// channel, because the broker does not say which of them it returns: of those, as many are on their way at once as
    /// there are channels. What the broker refused is published one at a time, on channels of its own; of these there
    /// are at most as many again.
    pub fn publish_channels(mut self, channels: usize) -> Self {
        self.publish_channels = channels;
        self
    }

    /// Certificates, as PEM, of the authorities that RabbitMQ's own certificate may come from, beside the known ones.
    pub fn root_certificates(mut self, pem: impl Into<String>) -> Self {
        self.tls.cert_chain = Some(pem.into());
        self
    }

    /// The certificate and the key, both as PEM, by which RabbitMQ knows this client.
    pub fn client_certificate(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.tls.identity = Some(OwnedIdentity::PKCS8 { pem: certificate.into(), key: key.into() });
        self
    }

    /// Connects twice, once to consume and once to publish.
    ///
    /// From then on both connections are kept for ever: what is lost is made again, and
    /// [`state`](consumer_core::Broker::state) says so meanwhile.
    ///
    /// # Errors
    /// [`is_settings`](Error::is_settings): the address cannot be used.
    /// [`is_refused`](Error::is_refused): RabbitMQ is there and says no to the user, the password or the virtual host.
    /// [`is_unavailable`](Error::is_unavailable): it could not be reached within the limit.
    pub async fn connect(self) -> Result<RabbitMq> {
        let address = Address::parse(&self.url)?;
        let engine = Engine::start().map_err(|error| {
            Error::unavailable("no threads for the connection to RabbitMQ").because(error)
        })?;
        let handle = engine.handle().clone();
        let opening = handle.spawn(self.open(address, engine));
        opening
            .await
            .unwrap_or_else(|error| Err(Error::unavailable("connecting was interrupted").because(error)))
    }

    async fn open(self, address: Address, engine: Engine) -> Result<RabbitMq> {
        let heartbeat = self.heartbeat.or(address.heartbeat()).filter(|h| !h.is_zero()).unwrap_or(HEARTBEAT);
        let heartbeat = heartbeat.max(SHORTEST_HEARTBEAT);
        let dialer = Dialer { address, name: self.name, heartbeat, tls: self.tls };
        let (board, closing) = (Board::default(), CancellationToken::new());
        let link =
            |part| Link::open(dialer.clone(), part, board.clone(), closing.clone(), self.connect_within);
        let consuming = link(Part::Consuming).await?;
        let publishing = link(Part::Publishing).await?;
        let publisher = Publisher::new(publishing, self.publish_channels, self.confirm_within);
        Ok(RabbitMq(Arc::new(Shared {
            publisher: Arc::new(publisher),
            settlers: Arc::default(),
            consumers: AtomicU32::new(0),
            address: dialer.address.clone(),
            watch: heartbeat,
            consuming,
            board,
            closing,
            engine,
        })))
    }
}

impl fmt::Debug for RabbitMqBuilder {
    /// Without the address, which holds a password, and without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitMqBuilder")
            .field("name", &self.name)
            .field("heartbeat", &self.heartbeat)
            .field("connect_within", &self.connect_within)
            .field("confirm_within", &self.confirm_within)
            .field("publish_channels", &self.publish_channels)
            .finish_non_exhaustive()
    }
}

/// The name of the running program.
fn program() -> String {
    let path = std::env::current_exe().ok();
    let name =
        path.as_deref().and_then(|path| path.file_stem()).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "consumer".to_owned())
}
