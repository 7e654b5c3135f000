//! Writes responses to a socket. How a slice of a file is sent is decided here and nowhere else.
//!
//! Adjacent bytes are written in one call. While the pages of a file slice are in memory, it is
//! read into a buffer of the thread and sent; what the socket does not take is read again later, so
//! that a client that stops reading holds no memory. Cold pages are read by a blocking thread, and
//! so are all where the system does not say which are cold (`platform`). Deferred parts are encoded
//! piece by piece, when everything before them has been sent.
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
use crate::storage::segment::FileSlice;
use crate::wire::response::Chunk;

/// How much of a file one call reads: it stays in the processor's cache until it is sent.
const PIECE_BYTES: usize = 128 * 1024;
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
                Chunk::Bytes(_) => self.send_bytes(transport),
                Chunk::File(slice) => match send_piece(transport, slice) {
                    Err(SendError::Cold) => return Ok(SendStatus::Cold(slice.clone())),
                    Err(SendError::Io(error)) => Err(error),
                    Ok(n) => Ok(n),
                },
            };
            match sent {
                Ok(n) => {
                    self.advance(n);
                    sent_at_once += n;
                    if sent_at_once >= AT_ONCE_BYTES {
                        return Ok(SendStatus::Pause);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(SendStatus::Wait);
                }
                Err(error) => return Err(error),
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

    fn send_bytes(&self, transport: &mut Transport) -> io::Result<usize> {
        let mut slices = [io::IoSlice::new(&[]); 16];
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            let Chunk::Bytes(bytes) = chunk else { break };
            *slice = io::IoSlice::new(bytes);
            count += 1;
        }
        transport.try_write_vectored(&slices[..count])
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
    Cold,
    Io(io::Error),
}

fn send_piece(transport: &mut Transport, slice: &FileSlice) -> Result<usize, SendError> {
    PIECE.with_borrow_mut(|piece| {
        piece.resize(PIECE_BYTES, 0);
        let want = slice.len.min(PIECE_BYTES);
        let read = match slice.file.read_hot_at(&mut piece[..want], slice.position) {
            Ok(0) => return Err(SendError::Io(io::ErrorKind::UnexpectedEof.into())),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(SendError::Cold),
            Err(error) => return Err(SendError::Io(error)),
        };
        transport.try_write(&piece[..read]).map_err(SendError::Io)
    })
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
