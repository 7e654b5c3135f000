//! Reads length-prefixed frames from a socket.
//!
//! **Invariant:** a frame's length is checked against its limit before memory is grown for it, and
//! memory grows as bytes arrive. Beyond [`FREE_BYTES`] it is taken from the memory that all
//! connections share ([`RequestMemoryPermit`]).
//!
//! A frame must arrive at `socket.request.min.bytes.per.second` on average, and faster while others
//! wait for memory.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::server::request_memory::arrival_ms;
use crate::server::request_permit::RequestMemoryPermit;
use crate::server::transport::Transport;

/// How much a connection may hold without asking for it.
const FREE_BYTES: usize = 4 * 1024;
/// The maximum size of the first read of an idle connection while memory is not scarce.
const FIRST_BYTES: usize = 16 * 1024;
/// The maximum size of one read of small frames on a busy connection.
const BUSY_BYTES: usize = 128 * 1024;

thread_local! {
    static FIRST: RefCell<Vec<u8>> = RefCell::new(vec![0; FIRST_BYTES]);
}

/// Why a connection is closed because of the request memory it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SlowClient {
    /// The frame took too long.
    #[error(
        "the request arrives more slowly than socket.request.min.bytes.per.second: {arrived} of \
         {size} bytes received"
    )]
    BelowMinimum {
        /// The bytes received.
        arrived: usize,
        /// The size of the frame.
        size: usize,
    },
    /// Too slow while others wait for memory.
    #[error(
        "the request arrives too slowly while others wait for memory (queued.max.request.bytes): \
         {arrived} of {size} bytes received"
    )]
    GaveWay {
        /// The bytes received.
        arrived: usize,
        /// The size of the frame.
        size: usize,
    },
    /// Parked for longer than allowed while others wait for memory.
    #[error(
        "the request is waiting or throttled while others wait for memory \
         (queued.max.request.bytes)"
    )]
    WaitedTooLong,
}

/// The frames of one socket.
#[derive(Debug)]
pub struct Frames {
    buffer: BytesMut,
    limit: usize,
    min_bytes_per_second: i64,
    memory: RequestMemoryPermit,
    /// A read has filled all its room: the next ones may be larger.
    is_busy: bool,
    /// The last read filled all its room.
    was_full: bool,
    /// Frames have been taken since the last read: the next one begins at the buffer's start.
    is_next: bool,
    /// When the first frame began to arrive, in ms, plus the time it waited for memory.
    since_ms: Option<i64>,
}

impl Frames {
    /// Returns a reader of frames of at most `limit` bytes (`socket.request.max.bytes`) that must
    /// arrive at `min_bytes_per_second` at least.
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

    /// Returns the next complete frame without its length, if it has been received.
    pub fn take(&mut self) -> io::Result<Option<Bytes>> {
        let Some(len) = self.frame_bytes()? else { return Ok(None) };
        if self.buffer.len() < 4 + len {
            return Ok(None);
        }
        self.is_next = true;
        let mut frame = self.buffer.split_to(4 + len);
        Ok(Some(frame.split_off(4).freeze()))
    }

    /// Returns what has been received and not taken: frames with their lengths, of which the last
    /// may be incomplete. The first is not longer than allowed.
    pub fn received(&self) -> io::Result<&[u8]> {
        self.frame_bytes()?;
        Ok(&self.buffer)
    }

    /// Returns how many bytes have been received and not taken.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the first `bytes` of what has been received.
    pub fn skip(&mut self, bytes: usize) {
        self.is_next = true;
        self.buffer.advance(bytes);
    }

    fn frame_bytes(&self) -> io::Result<Option<usize>> {
        let Some(prefix) = self.buffer.first_chunk::<4>() else { return Ok(None) };
        let len = i32::from_be_bytes(*prefix);
        match usize::try_from(len) {
            Ok(n) if n <= self.limit => Ok(Some(n)),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "request of {len} bytes is larger than socket.request.max.bytes ({})",
                    self.limit
                ),
            )),
        }
    }

    /// Returns true if no byte of a frame has been received.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Shrinks the buffer to what was received, because nothing will be read until the throttle
    /// time is over. The connection may be evicted meanwhile.
    pub fn rest(&mut self) {
        self.buffer = BytesMut::from(&self.buffer[..]);
        self.begin_frame();
        self.memory.park();
        self.is_busy = false;
    }

    /// Records that the request is being processed. With `at_clients_will` it may be evicted
    /// meanwhile. The memory of a frame that its handler no longer uses is given back now.
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

    /// Waits until the connection is evicted.
    pub async fn must_give_way(&self) {
        self.memory.must_give_way().await;
    }

    /// Reads more. Returns false at the end of the stream.
    ///
    /// # Errors
    /// The socket's, or [`SlowClient`].
    pub async fn fill(&mut self, transport: &mut Transport) -> io::Result<bool> {
        loop {
            let read = if self.buffer.is_empty() {
                // An idle connection holds nothing. The socket may turn out not to be readable
                // after all, and then the connection is idle again.
                self.buffer = BytesMut::new();
                self.memory.release();
                self.since_ms = None;
                transport.readable().await?;
                self.read_first(transport)
            } else {
                let room = self.make_room().await?;
                self.readable_in_time(transport).await?;
                self.read_more(transport, room)
            };
            match read {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the first bytes after idling, which include the size of the frame.
    fn read_first(&mut self, transport: &mut Transport) -> io::Result<usize> {
        self.is_next = false;
        let is_scarce = self.memory.is_scarce();
        if self.is_busy && !is_scarce && self.memory.take_if_free(BUSY_BYTES) {
            self.buffer.reserve(BUSY_BYTES);
            let read = transport.try_read_buf(&mut (&mut self.buffer).limit(BUSY_BYTES))?;
            self.was_full = read == BUSY_BYTES;
            return Ok(read);
        }
        let most = if is_scarce { FREE_BYTES } else { FIRST_BYTES };
        let read = FIRST.with_borrow_mut(|piece| {
            let read = transport.try_read(&mut piece[..most])?;
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

    /// Returns how many more bytes the buffer has room for. Growth is taken from the memory of all
    /// connections, which may have to be waited for.
    async fn make_room(&mut self) -> io::Result<usize> {
        if self.is_next {
            if self.memory.is_scarce() {
                self.buffer = BytesMut::from(&self.buffer[..]);
            }
            self.begin_frame();
        }
        let len = self.buffer.len();
        // Without the whole length prefix, the rest of it is needed.
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

    /// Returns how much to hold of an incomplete frame of `need` bytes: as much again as has been
    /// received, and more if memory is plentiful and the client has more to send already.
    fn step(&self, need: usize) -> usize {
        let twice = 2 * self.buffer.len();
        if self.memory.is_scarce() || !self.was_full {
            return need.min(twice.max(FIRST_BYTES));
        }
        let most = if self.is_busy { need.max(BUSY_BYTES) } else { need };
        twice.max(BUSY_BYTES).min(most)
    }

    /// Begins timing an incomplete frame that follows complete ones in the buffer.
    fn begin_frame(&mut self) {
        self.is_next = false;
        self.since_ms = None;
        self.memory.release();
        if self.buffer.len() > FREE_BYTES {
            self.memory.take_anyway(self.buffer.len());
        }
    }

    fn read_more(&mut self, transport: &mut Transport, room: usize) -> io::Result<usize> {
        let read = transport.try_read_buf(&mut (&mut self.buffer).limit(room))?;
        // A full buffer means that more is waiting: the next read may be larger.
        self.was_full = read == room;
        self.is_busy |= self.was_full;
        let is_whole = self.frame_bytes()?.is_some_and(|frame| self.buffer.len() >= 4 + frame);
        if read > 0 && !is_whole && !self.memory.arrived(read, self.was_full) {
            return Err(self.slow(true));
        }
        Ok(read)
    }

    /// Waits for more of a frame, but not longer than it may take, and not after it is evicted.
    async fn readable_in_time(&mut self, transport: &mut Transport) -> io::Result<()> {
        let size = self.frame_bytes()?.unwrap_or(0);
        let now_ms = self.memory.now_ms();
        let since_ms = *self.since_ms.get_or_insert(now_ms);
        let left_ms = since_ms + arrival_ms(size, self.min_bytes_per_second) - now_ms;
        tokio::select! {
            biased;
            outcome = transport.readable() => outcome,
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
