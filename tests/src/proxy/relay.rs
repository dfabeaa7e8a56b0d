//! A relay: passes bytes between a client and a server through an inspector that may hold them back or cut both off.

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// Bytes taken at once.
const READ: usize = 64 << 10;

/// What becomes of bytes that have come.
pub(super) enum Passage {
    /// These go on.
    Pass(Vec<u8>),
    /// These go on, and then both connections are reset.
    Cut(Vec<u8>),
}

/// Reads along on one connection.
pub(super) trait Inspector: Send + 'static {
    /// The client has sent something.
    fn client_sent(&mut self, bytes: &[u8]) -> impl Future<Output = Passage> + Send;
    /// The server has sent something.
    fn server_sent(&mut self, bytes: &[u8]) -> impl Future<Output = Passage> + Send;
}

/// A listener on the loopback that relays every connection; gone when it is dropped, with all of them.
pub(super) struct Relay {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Relay {
    /// Relays to `upstream`, each connection with an inspector of its own.
    pub(super) async fn start<I: Inspector>(
        upstream: String,
        inspector: impl Fn() -> I + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("the port");
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(connection(client, upstream.clone(), inspector()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, task }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Until one side ends, which ends the other; a connection that breaks is what the relay is there for.
async fn connection(mut client: TcpStream, upstream: String, mut inspector: impl Inspector) {
    let Ok(mut server) = TcpStream::connect(upstream).await else { return };
    let _ = relay(&mut client, &mut server, &mut inspector).await;
}

async fn relay(
    client: &mut TcpStream,
    server: &mut TcpStream,
    inspector: &mut impl Inspector,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut from_server) = (vec![0; READ], vec![0; READ]);
    loop {
        let (passage, to) = tokio::select! {
            read = client.read(&mut from_client) => match read? {
                0 => return Ok(()),
                len => (inspector.client_sent(&from_client[..len]).await, &mut *server),
            },
            read = server.read(&mut from_server) => match read? {
                0 => return Ok(()),
                len => (inspector.server_sent(&from_server[..len]).await, &mut *client),
            },
        };
        match passage {
            Passage::Pass(bytes) => to.write_all(&bytes).await?,
            Passage::Cut(bytes) => {
                to.write_all(&bytes).await?;
                return reset(client, server);
            }
        }
    }
}

/// What is closed with nothing to wait for is reset.
fn reset(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    client.set_zero_linger()?;
    server.set_zero_linger()
}
