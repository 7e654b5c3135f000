//! The connection to one client as frames, responses and the watch for its end use it: a socket
//! that is asked for readiness, then read or written without waiting.

use std::future::Future;
use std::io;
use std::os::fd::AsFd;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::BufMut;
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;

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
        match self {
            Transport::Plain(stream) => at_once(stream.read(buffer)),
        }
    }

    /// Appends what has been received to a buffer, as [`Transport::try_read`] does. Returns 0 if
    /// the client has closed its half.
    pub fn try_read_buf(&mut self, buffer: &mut impl BufMut) -> io::Result<usize> {
        match self {
            Transport::Plain(stream) => at_once(stream.read_buf(buffer)),
        }
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
///
/// It does not depend on what the task has done before in its turn: a socket that is said to be
/// readable but is not read would be asked again without end.
fn at_once<T>(operation: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let cx = &mut Context::from_waker(Waker::noop());
    match pin!(unconstrained(operation)).poll(cx) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::task::coop::{consume_budget, has_budget_remaining};

    use super::*;

    #[tokio::test]
    async fn what_has_been_received_is_read_however_much_the_task_has_done_in_its_turn() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut transport = Transport::plain(listener.accept().await.unwrap().0).unwrap();
        client.write_all(b"three reads").await.unwrap();
        transport.readable().await.unwrap();
        let read = std::future::poll_fn(|cx| {
            while has_budget_remaining() {
                let _ = pin!(consume_budget()).poll(cx);
            }
            let (mut first, mut second) = ([0; 5], Vec::new());
            let read = transport.try_read(&mut first).unwrap();
            let appended = transport.try_read_buf(&mut (&mut second).limit(100)).unwrap();
            Poll::Ready([first[..read].to_vec(), second[..appended].to_vec()].concat())
        });
        assert_eq!(read.await, b"three reads");
    }
}
