//! Dialling: from an address to a connection.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use async_rs::traits::Reactor;
use consumer_core::{Error, Result};
use lapin::{
    AsyncTcpStream, Connection, ConnectionProperties,
    tcp::OwnedTLSConfig,
    uri::{AMQPScheme, AMQPUri},
};
use tokio::{net::lookup_host, runtime::Handle, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    address::Address,
    board::Part,
    failure,
    returns::Returns,
    session::Session,
    wire::{Kit, Wire},
};

/// How long one attempt may take from the first packet to the end of the handshake, unless the address says.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// Everything that a connection needs.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    pub(super) address: Address,
    /// What the management interface shows.
    pub(super) name: String,
    pub(super) heartbeat: Duration,
    pub(super) tls: OwnedTLSConfig,
}

impl Dialer {
    /// How long the broker may take to answer.
    pub(super) fn patience(&self) -> Duration {
        self.address.connection_timeout().unwrap_or(CONNECTION_TIMEOUT)
    }

    /// One attempt to connect.
    pub(super) async fn dial(&self, part: &Part) -> Result<Arc<Session>> {
        let (cut, returns) = (CancellationToken::new(), Returns::default());
        match timeout(self.patience(), self.connect(part, cut.clone(), returns.clone())).await {
            Ok(Ok(connection)) => Ok(Arc::new(Session::new(connection, cut, returns))),
            Ok(Err(error)) => {
                cut.cancel();
                Err(failure::connecting(&self.address, &error))
            }
            Err(_) => {
                cut.cancel();
                Err(Error::unavailable(format!("RabbitMQ at {} does not answer", self.address)))
            }
        }
    }

    async fn connect(
        &self,
        part: &Part,
        cut: CancellationToken,
        returns: Returns,
    ) -> lapin::Result<Connection> {
        let tls = self.tls.clone();
        let kit = Kit::new(Handle::current());
        Connection::connector(
            self.address.uri(self.heartbeat),
            async_rs::Runtime::new(kit),
            async move |uri: AMQPUri, _| {
                tokio::select! {
                    () = cut.cancelled() => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
                    stream = transport(&uri, &tls) => Ok(AsyncTcpStream::Plain(Wire::new(stream?, cut.clone(), returns.clone()))),
                }
            },
            self.properties(part),
        )
        .await
    }

    fn properties(&self, part: &Part) -> ConnectionProperties {
        ConnectionProperties::default()
            .with_connection_name(format!("{} ({part})", self.name).into())
            .with_client_property("product".into(), "consumer".into())
            .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into())
    }
}

type Tcp = <async_rs::Tokio as Reactor>::TcpStream;

async fn transport(uri: &AMQPUri, tls: &OwnedTLSConfig) -> io::Result<AsyncTcpStream<Tcp>> {
    let tcp = AsyncTcpStream::Plain(any(uri).await?);
    match uri.scheme {
        AMQPScheme::AMQP => Ok(tcp),
        AMQPScheme::AMQPS => tcp.into_tls(&uri.authority.host, tls.as_ref()).await,
    }
}

/// The first address of the host that answers, so that a dead one of several costs its share of the time and no more.
async fn any(uri: &AMQPUri) -> io::Result<Tcp> {
    let runtime = async_rs::Runtime::tokio_current();
    let addresses: Vec<SocketAddr> =
        lookup_host((uri.authority.host.as_str(), uri.authority.port)).await?.collect();
    let patience = uri.query.connection_timeout.map_or(CONNECTION_TIMEOUT, Duration::from_millis);
    let share = patience / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in addresses {
        match timeout(share, runtime.tcp_connect_addr(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}
