//! Length-prefixed frames off a socket.
//!
//! **Invariant:** a frame's length is checked against its limit before memory is grown for it, and
//! memory is grown as bytes arrive. What is held beyond [`FREE_BYTES`] is taken from the memory that
//! all connections share ([`RequestMemoryPermit`]).
//!
//! A frame must arrive at `socket.request.min.bytes.per.second` on average, and faster while others
//! wait for memory.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::net::TcpStream;

use crate::server::request_memory::arrival_ms;
use crate::server::request_permit::RequestMemoryPermit;

/// What a connection may hold without asking for it.
const FREE_BYTES: usize = 4 * 1024;
/// What the first read of a connection that was idle may bring, while memory is not scarce.
const FIRST_BYTES: usize = 16 * 1024;
/// What one read may bring of small frames, once the connection is busy.
const BUSY_BYTES: usize = 128 * 1024;

thread_local! {
    static FIRST: RefCell<Vec<u8>> = RefCell::new(vec![0; FIRST_BYTES]);
}

/// Why a connection is closed for what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SlowClient {
    /// It had its time.
    #[error(
        "a request arrives at less than socket.request.min.bytes.per.second: {arrived} of {size} bytes"
    )]
    BelowMinimum {
        /// How many bytes are here.
        arrived: usize,
        /// How many bytes the frame has.
        size: usize,
    },
    /// Others wait for memory.
    #[error(
        "a slow request gives way to others that wait for memory (queued.max.request.bytes): \
         {arrived} of {size} bytes have arrived"
    )]
    GaveWay {
        /// How many bytes are here.
        arrived: usize,
        /// How many bytes the frame has.
        size: usize,
    },
    /// Others wait for memory, and the requests of this one wait for what its client chose.
    #[error(
        "a request that waits, or is throttled, gives way to others that wait for memory \
         (queued.max.request.bytes)"
    )]
    WaitedTooLong,
}

/// Frames off one socket.
#[derive(Debug)]
pub struct Frames {
    buffer: BytesMut,
    limit: usize,
    min_bytes_per_second: i64,
    memory: RequestMemoryPermit,
    /// One read has brought all that it could: the next ones may bring more.
    is_busy: bool,
    /// The last read has.
    was_full: bool,
    /// Frames have been taken since more was read: the next one begins at the buffer's start.
    is_next: bool,
    /// Since when the first frame is arriving, in ms, not counting what it waited for memory.
    since_ms: Option<i64>,
}

impl Frames {
    /// Returns frames of at most `limit` bytes (`socket.request.max.bytes`) that arrive at
    /// `min_bytes_per_second` at least. Nothing is here yet.
    pub fn new(limit: usize, min_bytes_per_second: i64, memory: RequestMemoryPermit) -> Frames {
        Frames {
            buffer: BytesMut::new(),
            limit,
            min_bytes_per_second,
            memory,
            is_busy: false,
            was_full: false,
            is_next: true,
            since_ms: None,
        }
    }

    /// The next whole frame without its length, if it is here.
    pub fn take(&mut self) -> io::Result<Option<Bytes>> {
        let Some(len) = self.frame_bytes()? else { return Ok(None) };
        if self.buffer.len() < 4 + len {
            return Ok(None);
        }
        self.is_next = true;
        let mut frame = self.buffer.split_to(4 + len);
        Ok(Some(frame.split_off(4).freeze()))
    }

    fn frame_bytes(&self) -> io::Result<Option<usize>> {
        let Some(prefix) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let len = i32::from_be_bytes(*prefix);
        match usize::try_from(len) {
            Ok(n) if n <= self.limit => Ok(Some(n)),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "a request of {len} bytes; at most {} are allowed (socket.request.max.bytes)",
                    self.limit
                ),
            )),
        }
    }

    /// True if nothing of a frame is here.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Nothing is read for a while: holds what has come and not a byte more. That may have to give
    /// way to others.
    pub fn rest(&mut self) {
        self.buffer = BytesMut::from(&self.buffer[..]);
        self.begin_frame();
        self.memory.park();
        self.is_busy = false;
    }

    /// What is held is answered, which takes a while. It may have to give way to others if the
    /// client has chosen to wait. A frame that its handler has let go of is given back now.
    pub fn hold(&mut self, at_clients_will: bool) {
        let spare = self.buffer.capacity() - self.buffer.len();
        if self.buffer.try_reclaim(spare + 1) {
            self.buffer = BytesMut::from(&self.buffer[..]);
            self.memory.release();
            if self.buffer.len() > FREE_BYTES {
                self.memory.take_anyway(self.buffer.len());
            }
        }
        if at_clients_will {
            self.memory.park();
        } else {
            self.memory.answer();
        }
    }

    /// Waits until what is held must give way to others.
    pub async fn must_give_way(&self) {
        self.memory.must_give_way().await;
    }

    /// Reads more; false at the end of the stream.
    ///
    /// # Errors
    /// The socket's, or [`SlowClient`].
    pub async fn fill(&mut self, stream: &TcpStream) -> io::Result<bool> {
        loop {
            let read = if self.buffer.is_empty() {
                // An idle connection holds nothing. What is readable by its last state may turn
                // out to be nothing, and then it is idle again.
                self.buffer = BytesMut::new();
                self.memory.release();
                self.since_ms = None;
                stream.readable().await?;
                self.read_first(stream)
            } else {
                let room = self.make_room().await?;
                self.readable_in_time(stream).await?;
                self.read_more(stream, room)
            };
            match read {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what an idle connection has sent, and how large its frame is.
    fn read_first(&mut self, stream: &TcpStream) -> io::Result<usize> {
        self.is_next = false;
        let is_scarce = self.memory.is_scarce();
        if self.is_busy && !is_scarce && self.memory.take_if_free(BUSY_BYTES) {
            self.buffer.reserve(BUSY_BYTES);
            let read = stream.try_read_buf(&mut (&mut self.buffer).limit(BUSY_BYTES))?;
            self.was_full = read == BUSY_BYTES;
            return Ok(read);
        }
        let most = if is_scarce { FREE_BYTES } else { FIRST_BYTES };
        let read = FIRST.with_borrow_mut(|piece| {
            let read = stream.try_read(&mut piece[..most])?;
            self.buffer = BytesMut::from(&piece[..read]);
            io::Result::Ok(read)
        })?;
        if read > FREE_BYTES {
            self.memory.take_anyway(read);
        }
        self.was_full = read == most;
        self.is_busy |= self.was_full;
        Ok(read)
    }

    /// Returns for how many more bytes there is room. What is grown is taken from the memory of
    /// all connections, which may have to be waited for.
    async fn make_room(&mut self) -> io::Result<usize> {
        if self.is_next {
            if self.memory.is_scarce() {
                self.buffer = BytesMut::from(&self.buffer[..]);
            }
            self.begin_frame();
        }
        let len = self.buffer.len();
        // Of a frame whose length is not here yet the length is missing.
        let need = self.frame_bytes()?.map_or(4, |frame| 4 + frame);
        let size = if len < FREE_BYTES { FREE_BYTES } else { self.step(need) };
        let size = size.max(self.memory.bytes());
        if size > FREE_BYTES && size > self.memory.bytes() {
            let waited_ms = self.memory.take(need, size).await.ok_or_else(|| self.slow(true))?;
            self.since_ms = self.since_ms.map(|since_ms| since_ms + waited_ms);
        }
        self.buffer.reserve(size - len);
        Ok(size - len)
    }

    /// What to hold of a frame of `need` bytes, more than are here: as much again as has arrived,
    /// and much if there is enough and the client has more to send already.
    fn step(&self, need: usize) -> usize {
        let twice = 2 * self.buffer.len();
        if self.memory.is_scarce() || !self.was_full {
            return need.min(twice.max(FIRST_BYTES));
        }
        let most = if self.is_busy { need.max(BUSY_BYTES) } else { need };
        twice.max(BUSY_BYTES).min(most)
    }

    /// The buffer begins with a frame that is not whole, after others that were.
    fn begin_frame(&mut self) {
        self.is_next = false;
        self.since_ms = None;
        self.memory.release();
        if self.buffer.len() > FREE_BYTES {
            self.memory.take_anyway(self.buffer.len());
        }
    }

    fn read_more(&mut self, stream: &TcpStream, room: usize) -> io::Result<usize> {
        let read = stream.try_read_buf(&mut (&mut self.buffer).limit(room))?;
        // A full buffer says that more is waiting: the next read may bring more.
        self.was_full = read == room;
        self.is_busy |= self.was_full;
        let is_whole = self.frame_bytes()?.is_some_and(|frame| self.buffer.len() >= 4 + frame);
        if read > 0 && !is_whole && !self.memory.arrived(read, self.was_full) {
            return Err(self.slow(true));
        }
        Ok(read)
    }

    /// Waits for more of a frame, but not longer than it may take, and not while others need the
    /// memory that it holds.
    async fn readable_in_time(&mut self, stream: &TcpStream) -> io::Result<()> {
        let size = self.frame_bytes()?.unwrap_or(0);
        let now_ms = self.memory.now_ms();
        let since_ms = *self.since_ms.get_or_insert(now_ms);
        let left_ms = since_ms + arrival_ms(size, self.min_bytes_per_second) - now_ms;
        tokio::select! {
            biased;
            outcome = stream.readable() => outcome,
            () = self.memory.must_give_way() => Err(self.slow(true)),
            () = tokio::time::sleep(Duration::from_millis(left_ms.max(0) as u64)) => {
                Err(self.slow(false))
            }
        }
    }

    fn slow(&self, gives_way: bool) -> io::Error {
        let arrived = self.buffer.len();
        let size = self.frame_bytes().ok().flatten().map_or(0, |frame| 4 + frame);
        let slow = match gives_way {
            true => SlowClient::GaveWay { arrived, size },
            false => SlowClient::BelowMinimum { arrived, size },
        };
        io::Error::new(io::ErrorKind::TimedOut, slow)
    }
}
