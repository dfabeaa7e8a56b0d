//! The kit of executor and reactor that lapin runs on: tokio's, with our wire as its stream.

use std::{
    fmt,
    future::Future,
    io::{self, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use async_rs::{
    Tokio,
    traits::{Executor, Reactor, RuntimeKit},
    util::Task,
};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;
use lapin::AsyncTcpStream;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::Wire;
use crate::rabbitmq::returns::Returns;

/// The stream below the wire: TCP, or TLS over it, so that the screen sees plain frames.
type Transport = AsyncTcpStream<<Tokio as Reactor>::TcpStream>;

/// Tokio for lapin, bound to one runtime.
#[derive(Clone)]
pub(in crate::rabbitmq) struct Kit(Tokio);

impl Kit {
    pub(in crate::rabbitmq) fn new(handle: Handle) -> Self {
        Self(Tokio::default().with_handle(handle))
    }
}

impl fmt::Debug for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kit")
    }
}

impl RuntimeKit for Kit {}

impl Executor for Kit {
    type Task<T: Send + 'static> = <Tokio as Executor>::Task<T>;

    fn block_on<T, F: Future<Output = T>>(&self, f: F) -> T {
        self.0.block_on(f)
    }

    fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(&self, f: F) -> Task<Self::Task<T>> {
        self.0.spawn(f)
    }

    fn spawn_blocking<T: Send + 'static, F: FnOnce() -> T + Send + 'static>(
        &self,
        f: F,
    ) -> Task<Self::Task<T>> {
        self.0.spawn_blocking(f)
    }
}

impl Reactor for Kit {
    type TcpStream = Wire<Transport>;
    type Sleep = <Tokio as Reactor>::Sleep;

    /// lapin has no use for this one, and it cannot be forwarded: its bound has no public name.
    fn register<H: Read + Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Self::TcpStream, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, dur: Duration) -> Self::Sleep {
        self.0.sleep(dur)
    }

    fn interval(&self, dur: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(dur)
    }

    fn tcp_connect_addr(
        &self,
        addr: SocketAddr,
    ) -> impl Future<Output = io::Result<Self::TcpStream>> + Send + 'static {
        let connecting = self.0.tcp_connect_addr(addr);
        async move {
            Ok(Wire::new(
                AsyncTcpStream::Plain(connecting.await?),
                CancellationToken::new(),
                Returns::default(),
            ))
        }
    }
}
