//! The wire: a broker's byte stream with a screen in front of lapin and a switch that cuts it.

mod cursor;
mod header;
mod kit;
mod method;
mod screen;
mod table;
#[cfg(test)]
mod tests;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_io::{AsyncRead, AsyncWrite};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use self::screen::Screen;
pub(super) use self::{header::DAMAGE, kit::Kit};
use super::returns::Returns;

/// What one read asks the socket for.
const READ: usize = 64 << 10;

/// A stream that lapin reads through the screen until it is cut.
///
/// Cutting is how a connection ends that no longer answers: lapin's own close waits for the broker, and one that is
/// dropped while the broker is silent keeps its thread and its socket.
pub(super) struct Wire<S> {
    stream: S,
    screen: Screen,
    buffer: Box<[u8]>,
    cut: CancellationToken,
    woken_by_cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S> Wire<S> {
    /// A wire over `stream` that ends when `cut` is cancelled, and tells `returns` what came back.
    pub(super) fn new(stream: S, cut: CancellationToken, returns: Returns) -> Self {
        Self {
            stream,
            screen: Screen::new(returns),
            buffer: vec![0; READ].into_boxed_slice(),
            woken_by_cut: Box::pin(cut.clone().cancelled_owned()),
            cut,
        }
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.cut.is_cancelled() || self.woken_by_cut.as_mut().poll(cx).is_ready() {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was given up"));
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.check(cx)?;
        loop {
            let read = this.screen.read(buf);
            if read > 0 || buf.is_empty() {
                return Poll::Ready(Ok(read));
            }
            let len = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut this.buffer))?;
            if len == 0 {
                this.screen.end();
                return Poll::Ready(Ok(this.screen.read(buf)));
            }
            this.screen.feed(&this.buffer[..len]);
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.cut.is_cancelled() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut this.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
