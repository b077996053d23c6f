//! The stream of a connection, as hyper reads it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};
use tokio::net::TcpStream;

use crate::listener::Watched;

/// Bytes that the read buffers of all connections take together, as long as each has the smallest one.
const READ_BUFFERS: u64 = 8 << 20;
/// The smallest and the largest read buffer of a connection.
const BUFFER: (u64, u64) = (8 * 1024, 64 * 1024);

/// The connections that are open, those that still have a request when the listener is closed among them.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<AtomicU64>);

impl Connections {
    /// Counts one more, until what is answered is dropped: a handler that panics must not keep a drain waiting.
    pub(crate) fn open(&self) -> Counted {
        self.0.fetch_add(1, Ordering::AcqRel);
        Counted(self.clone())
    }

    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    /// Bytes that one of them may read at once. hyper doubles a buffer that was filled, and keeps it: what stays
    /// below a power of two keeps the buffer there.
    fn at_once(&self) -> u64 {
        let share = READ_BUFFERS / self.0.load(Ordering::Relaxed).max(1);
        if share >= BUFFER.1 { BUFFER.1 } else { (share.max(BUFFER.0) / 2 + 1).next_power_of_two() - 1 }
    }
}

/// An open connection.
pub(crate) struct Counted(Connections);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A stream that tells when bytes come, and reads the less at once the more connections there are.
pub(crate) struct Stream {
    inner: Take<TcpStream>,
    watched: Arc<Watched>,
    counted: Counted,
}

impl Stream {
    pub(crate) fn new(inner: TcpStream, watched: Arc<Watched>, counted: Counted) -> Self {
        Self { inner: inner.take(BUFFER.0), watched, counted }
    }

    fn write_half(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.inner.get_mut())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let at_once = self.counted.0.at_once();
        self.inner.set_limit(at_once);
        let polled = Pin::new(&mut self.inner).poll_read(context, buf);
        if buf.filled().len() > before {
            self.watched.bytes_came();
        }
        polled
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write_half().poll_write(context, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_half().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_half().poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write_half().poll_write_vectored(context, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.get_ref().is_write_vectored()
    }
}
