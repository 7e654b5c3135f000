//! Writes responses to a socket. How a slice of a file is sent is decided here and nowhere else.
//!
//! Adjacent bytes and short file slices are written in one call: while the pages of a slice are in
//! memory, it is read into a buffer of the thread; what the socket does not take is read again
//! later, so that a client that stops reading holds no memory. A long slice is handed to the socket
//! without a copy (`sendfile`) while its pages are in memory. Cold pages are read by a blocking
//! thread, and so are all where the system does not say which are cold (`platform`). Deferred parts
//! are encoded piece by piece, when everything before them has been sent.
//!
//! **Invariant:** memory held for responses is given back as the socket takes them, and a client
//! that holds some must keep reading while others wait for it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::time::Sleep;

use crate::broker::memory_budget::MemoryPermit;
use crate::server::transport::Transport;
use crate::storage::disk::HandOver;
use crate::storage::segment::FileSlice;
use crate::wire::response::Chunk;

/// How much of a file one call reads: it stays in the processor's cache until it is sent.
const PIECE_BYTES: usize = 128 * 1024;
/// A slice of at least this length is handed over. A shorter one costs less to copy, and a copy can
/// be sent together with what comes before and after it.
const HAND_OVER_MIN_BYTES: usize = 16 * 1024;
/// A slice that is not handed over is read whole.
const _: () = assert!(HAND_OVER_MIN_BYTES <= PIECE_BYTES);
/// How much of a file is handed over by one call. Both ends of it are known to be in memory.
const HAND_OVER_BYTES: usize = 256 * 1024;
/// How many chunks one call writes.
const GATHERED_MAX: usize = 16;
/// Pending responses are sent at this many pieces, even if more requests have been received.
const OWED_PIECES_MAX: usize = 64;
/// Pending responses are sent at this many bytes: no memory is held for small ones.
const OWED_BYTES_MAX: usize = 32 * 1024;
/// How much is sent before other tasks of this thread run.
const AT_ONCE_BYTES: usize = 1024 * 1024;
/// A client whose response holds memory must read this many bytes per [`WINDOW`] while others wait.
const WINDOW_BYTES: usize = 32 * 1024;
const WINDOW: Duration = Duration::from_secs(1);

thread_local! {
    static PIECE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The responses pending for one client.
#[derive(Debug, Default)]
pub struct Outbound {
    chunks: VecDeque<Chunk>,
    /// Bytes of small responses for which no memory is held. They are sent before all others.
    small_bytes: usize,
    held: Option<MemoryPermit>,
    /// The part of the first chunk that has been sent but whose memory is still held.
    sent_of_front: usize,
    /// Set while memory is held and the client does not read.
    drain_rate: Option<DrainRate>,
}

/// How much the client has read in the current window.
#[derive(Debug)]
struct DrainRate {
    window: Pin<Box<Sleep>>,
    bytes: usize,
}

enum SendStatus {
    Done,
    Wait,
    /// Much has been sent at once, and the socket takes more.
    Pause,
    Cold(FileSlice),
}

impl Outbound {
    /// Appends a response, with the memory held for it unless it is small.
    pub fn push(&mut self, chunks: Vec<Chunk>, held: Option<MemoryPermit>) {
        if self.held.is_none() && held.is_none() {
            let bytes = chunks.iter().map(|chunk| match chunk {
                Chunk::Bytes(bytes) => bytes.len(),
                Chunk::File(_) | Chunk::Later(_) => 0,
            });
            self.small_bytes += bytes.sum::<usize>();
        }
        match (&self.held, held) {
            (Some(all), Some(more)) => all.absorb(more),
            (None, held) => self.held = held,
            (Some(_), None) => {}
        }
        self.chunks.extend(chunks);
    }

    /// Appends small responses that are bytes.
    pub fn push_bytes(&mut self, bytes: Bytes) {
        if self.held.is_none() {
            self.small_bytes += bytes.len();
        }
        self.chunks.push_back(Chunk::Bytes(bytes));
    }

    /// Returns true if nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Returns true if what is pending should be sent before the next request is handled.
    pub fn is_much(&self) -> bool {
        self.held.is_some()
            || self.chunks.len() >= OWED_PIECES_MAX
            || self.small_bytes >= OWED_BYTES_MAX
    }

    /// Sends everything that is pending.
    ///
    /// # Errors
    /// The connection is broken, or its client reads too little while others wait for memory.
    pub async fn flush(&mut self, transport: &mut Transport) -> io::Result<()> {
        loop {
            match self.step(transport)? {
                SendStatus::Done => {
                    (self.held, self.drain_rate, self.small_bytes) = (None, None, 0);
                    return Ok(());
                }
                SendStatus::Wait => self.writable_in_time(transport).await?,
                SendStatus::Pause => tokio::task::yield_now().await,
                SendStatus::Cold(slice) => self.send_cold(transport, slice).await?,
            }
        }
    }

    fn step(&mut self, transport: &mut Transport) -> io::Result<SendStatus> {
        let mut sent_at_once = 0;
        while let Some(chunk) = self.chunks.front_mut() {
            let sent = match chunk {
                Chunk::Bytes(bytes) if bytes.is_empty() => {
                    self.pop();
                    continue;
                }
                Chunk::File(slice) if slice.len == 0 => {
                    self.pop();
                    continue;
                }
                Chunk::Later(later) => {
                    match later.next_piece().map_err(io::Error::other)? {
                        Some(piece) => self.chunks.push_front(Chunk::Bytes(piece)),
                        None => self.pop(),
                    }
                    continue;
                }
                Chunk::File(slice) if slice.len >= HAND_OVER_MIN_BYTES => {
                    hand_over(transport, slice)
                }
                Chunk::Bytes(_) | Chunk::File(_) => self.send_gathered(transport),
            };
            match sent {
                Ok(n) => {
                    self.advance(n);
                    sent_at_once += n;
                    if sent_at_once >= AT_ONCE_BYTES {
                        return Ok(SendStatus::Pause);
                    }
                }
                Err(SendError::Cold(slice)) => return Ok(SendStatus::Cold(slice)),
                Err(SendError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(SendStatus::Wait);
                }
                Err(SendError::Io(error)) => return Err(error),
            }
        }
        Ok(SendStatus::Done)
    }

    /// Sends the beginning of the slice that comes first. As with hot pages, what the socket does
    /// not take is read again later.
    async fn send_cold(&mut self, transport: &mut Transport, slice: FileSlice) -> io::Result<()> {
        let piece = read_cold(slice).await?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match transport.try_write(&piece) {
            Ok(sent) => {
                self.advance(sent);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                drop(piece);
                self.writable_in_time(transport).await
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the bytes and short slices that come first.
    fn send_gathered(&self, transport: &mut Transport) -> Result<usize, SendError> {
        PIECE.with_borrow_mut(|piece| {
            piece.resize(PIECE_BYTES, 0);
            let gathered = Gathered::read(&self.chunks, piece)?;
            let (mut slices, mut from) = ([io::IoSlice::new(&[]); GATHERED_MAX], 0);
            let lens = &gathered.lens[..gathered.count];
            for ((slice, len), chunk) in slices.iter_mut().zip(lens).zip(&self.chunks) {
                *slice = io::IoSlice::new(match chunk {
                    Chunk::Bytes(bytes) => bytes,
                    Chunk::File(_) | Chunk::Later(_) => {
                        from += len;
                        &piece[from - len..from]
                    }
                });
            }
            let slices = &slices[..gathered.count];
            transport.try_write_vectored(slices, gathered.more).map_err(SendError::Io)
        })
    }

    fn advance(&mut self, mut sent: usize) {
        if let Some(drain_rate) = &mut self.drain_rate {
            drain_rate.bytes += sent;
        }
        while sent > 0 {
            let Some(chunk) = self.chunks.front_mut() else { return };
            let (len, taken) = match chunk {
                Chunk::Bytes(bytes) => {
                    let taken = sent.min(bytes.len());
                    bytes.advance(taken);
                    self.sent_of_front += taken;
                    (bytes.len(), taken)
                }
                Chunk::File(slice) => {
                    let taken = sent.min(slice.len);
                    slice.position += taken as u64;
                    slice.len -= taken;
                    (slice.len, taken)
                }
                Chunk::Later(_) => return,
            };
            sent -= taken;
            if len == 0 {
                self.pop();
            }
        }
    }

    /// Drops the first chunk and gives its memory back, unless it was small or the next piece of a
    /// deferred part takes its place.
    fn pop(&mut self) {
        self.chunks.pop_front();
        let freed = std::mem::take(&mut self.sent_of_front);
        let small = freed.min(self.small_bytes);
        self.small_bytes -= small;
        if let Some(held) = &self.held
            && !matches!(self.chunks.front(), Some(Chunk::Later(_)))
        {
            held.release(freed - small);
        }
    }

    /// Waits until the socket takes more, but not for long while others wait for the memory held.
    async fn writable_in_time(&mut self, transport: &mut Transport) -> io::Result<()> {
        let Some(held) = &self.held else { return transport.writable().await };
        loop {
            let drain_rate = self.drain_rate.get_or_insert_with(DrainRate::begin);
            tokio::select! {
                biased;
                () = drain_rate.window.as_mut() => {
                    if drain_rate.bytes < WINDOW_BYTES && held.has_waiters() {
                        return Err(io::Error::new(io::ErrorKind::TimedOut, SlowReader));
                    }
                    self.drain_rate = None;
                }
                outcome = transport.writable() => return outcome,
            }
        }
    }
}

/// Why a connection is closed whose client does not read its response.
#[derive(Debug, thiserror::Error)]
#[error("the client reads too slowly while others wait for memory (queued.max.response.bytes)")]
pub struct SlowReader;

impl DrainRate {
    fn begin() -> DrainRate {
        DrainRate { window: Box::pin(tokio::time::sleep(WINDOW)), bytes: 0 }
    }
}

enum SendError {
    Cold(FileSlice),
    Io(io::Error),
}

/// The chunks that one call writes.
#[derive(Debug, Default)]
struct Gathered {
    count: usize,
    /// How much of each of them is written.
    lens: [usize; GATHERED_MAX],
    /// True if a long slice follows, which is handed over next.
    more: bool,
}

impl Gathered {
    /// Reads the short slices among the first chunks into `piece`, one behind the other.
    fn read(chunks: &VecDeque<Chunk>, piece: &mut [u8]) -> Result<Gathered, SendError> {
        let (mut gathered, mut used) = (Gathered::default(), 0);
        for chunk in chunks.iter().take(GATHERED_MAX) {
            let len = match chunk {
                Chunk::Bytes(bytes) => bytes.len(),
                Chunk::File(slice) if slice.len >= HAND_OVER_MIN_BYTES => {
                    gathered.more = true;
                    break;
                }
                Chunk::File(slice) if used + slice.len <= piece.len() => {
                    match read_hot(slice, &mut piece[used..used + slice.len]) {
                        Ok(read) => {
                            used += read;
                            read
                        }
                        Err(error) if gathered.count == 0 => return Err(error),
                        // What precedes it is sent first; then this chunk is the first one.
                        Err(_) => break,
                    }
                }
                Chunk::File(_) | Chunk::Later(_) => break,
            };
            gathered.lens[gathered.count] = len;
            gathered.count += 1;
            if matches!(chunk, Chunk::File(slice) if len < slice.len) {
                break;
            }
        }
        Ok(gathered)
    }
}

/// Hands the beginning of a long slice to the socket, or copies it where that cannot be done.
fn hand_over(transport: &mut Transport, slice: &FileSlice) -> Result<usize, SendError> {
    let len = slice.len.min(HAND_OVER_BYTES);
    match transport.try_hand_over(slice.file.as_ref(), slice.position, len) {
        Ok(HandOver::Taken(0)) => Err(SendError::Io(io::ErrorKind::UnexpectedEof.into())),
        Ok(HandOver::Taken(taken)) => Ok(taken),
        Ok(HandOver::Cold) => Err(SendError::Cold(slice.clone())),
        Ok(HandOver::Unsupported) => PIECE.with_borrow_mut(|piece| {
            piece.resize(PIECE_BYTES, 0);
            let read = read_hot(slice, &mut piece[..slice.len.min(PIECE_BYTES)])?;
            transport.try_write(&piece[..read]).map_err(SendError::Io)
        }),
        Err(error) => Err(SendError::Io(error)),
    }
}

/// Reads what is in memory of the beginning of a slice.
fn read_hot(slice: &FileSlice, piece: &mut [u8]) -> Result<usize, SendError> {
    match slice.file.read_hot_at(piece, slice.position) {
        Ok(0) if !piece.is_empty() => Err(SendError::Io(io::ErrorKind::UnexpectedEof.into())),
        Ok(read) => Ok(read),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(SendError::Cold(slice.clone()))
        }
        Err(error) => Err(SendError::Io(error)),
    }
}

/// Reads the beginning of a slice on a blocking thread.
async fn read_cold(slice: FileSlice) -> io::Result<Vec<u8>> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut piece = vec![0; slice.len.min(PIECE_BYTES)];
        let read = slice.file.read_at(&mut piece, slice.position)?;
        piece.truncate(read);
        Ok(piece)
    });
    reading.await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests;
