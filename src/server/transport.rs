//! The connection to one client as frames, responses and the watch for its end use it: a socket
//! that is asked for readiness, then read or written without waiting.

use std::future::Future;
use std::io;
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncReadExt, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::platform;
use crate::storage::disk::{File, HandOver};

/// The transport of a connection, by the security protocol of its listener.
#[derive(Debug)]
pub enum Transport {
    /// The socket itself (PLAINTEXT).
    Plain(TcpStream),
}

impl Transport {
    /// Returns the transport over an accepted socket, without encryption.
    pub fn plain(stream: TcpStream) -> io::Result<Transport> {
        stream.set_nodelay(true)?;
        Ok(Transport::Plain(stream))
    }

    /// Waits until there may be something to read.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Transport::Plain(stream) => stream.readable().await,
        }
    }

    /// Reads what has been received. Returns 0 if the client has closed its half.
    ///
    /// After a read that does not fill the buffer the socket is not readable until more arrives:
    /// no call is made that is known to fail. So it is polled, which tells the runtime;
    /// [`TcpStream::try_read`] does not.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        let cx = &mut Context::from_waker(Waker::noop());
        let read = match self {
            Transport::Plain(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
        };
        at_once(read.map_ok(|()| buffer.filled().len()))
    }

    /// Appends what has been received to a buffer, as [`Transport::try_read`] does. Returns 0 if
    /// the client has closed its half.
    pub fn try_read_buf(&mut self, buffer: &mut impl BufMut) -> io::Result<usize> {
        let cx = &mut Context::from_waker(Waker::noop());
        at_once(match self {
            Transport::Plain(stream) => pin!(stream.read_buf(buffer)).poll(cx),
        })
    }

    /// Waits until something may be written.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Transport::Plain(stream) => stream.writable().await,
        }
    }

    /// Writes as many bytes as are taken now. Returns their number.
    pub fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(stream) => stream.try_write(bytes),
        }
    }

    /// Writes as many bytes of these slices as are taken now. Returns their number. With `more` the
    /// caller will write what follows them at once.
    pub fn try_write_vectored(
        &mut self,
        slices: &[io::IoSlice<'_>],
        more: bool,
    ) -> io::Result<usize> {
        match self {
            Transport::Plain(stream) if more => stream
                .try_io(Interest::WRITABLE, || platform::send_before_more(stream.as_fd(), slices)),
            Transport::Plain(stream) => stream.try_write_vectored(slices),
        }
    }

    /// Sends as many bytes of this range of a file as are taken now, without copying them.
    pub fn try_hand_over(
        &mut self,
        file: &dyn File,
        position: u64,
        len: usize,
    ) -> io::Result<HandOver> {
        match self {
            Transport::Plain(stream) => {
                stream.try_io(Interest::WRITABLE, || file.hand_over(stream.as_fd(), position, len))
            }
        }
    }

    /// Waits until the client has closed its half of the connection. Never returns if it has sent
    /// more instead, since the close comes after that.
    pub async fn closed_by_peer(&mut self) {
        match self {
            Transport::Plain(stream) => match stream.peek(&mut [0]).await {
                Ok(0) | Err(_) => {}
                Ok(_) => std::future::pending().await,
            },
        }
    }

    /// Waits until a client that is not being read has left: it has closed its half of the
    /// connection, or the connection is broken. If it sent requests before closing, they are still
    /// to be answered, so then only a broken connection counts.
    pub async fn half_closed_by_peer(&mut self) {
        match self {
            Transport::Plain(stream) => {
                if matches!(stream.peek(&mut [0]).await, Ok(n) if n > 0) {
                    drop(stream.ready(Interest::ERROR).await);
                }
            }
        }
    }
}

/// Returns the outcome of an operation that is not waited for.
fn at_once<T>(outcome: Poll<io::Result<T>>) -> io::Result<T> {
    match outcome {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
