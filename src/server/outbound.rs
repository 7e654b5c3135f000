//! A reply onto a socket. How a stretch of a file leaves is decided here and nowhere else.
//!
//! Neighbouring bytes leave in one call. A stretch of a file is read, while its pages are in
//! memory, into a buffer of the thread and sent; what the socket does not take is read again
//! later, so that a client that stops reading holds no memory. Cold pages are read by a blocking
//! thread first.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;

use bytes::Buf;
use tokio::net::TcpStream;

use crate::storage::segment::FileSlice;
use crate::wire::reply::Chunk;

/// What one call reads of a file: it stays in the processor's cache until it is sent.
const PIECE_BYTES: usize = 128 * 1024;

thread_local! {
    static PIECE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is owed to one client.
#[derive(Debug, Default)]
pub struct Outbound {
    chunks: VecDeque<Chunk>,
}

enum Step {
    Done,
    Wait,
    Cold(FileSlice),
}

impl Outbound {
    /// Owe this.
    pub fn push(&mut self, chunks: Vec<Chunk>) {
        self.chunks.extend(chunks);
    }

    /// True if nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// How many chunks are owed.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    /// Send all of it.
    pub async fn flush(&mut self, stream: &TcpStream) -> io::Result<()> {
        loop {
            match self.step(stream)? {
                Step::Done => return Ok(()),
                Step::Wait => stream.writable().await?,
                Step::Cold(slice) => warm(slice).await?,
            }
        }
    }

    fn step(&mut self, stream: &TcpStream) -> io::Result<Step> {
        while let Some(chunk) = self.chunks.front_mut() {
            let sent = match chunk {
                Chunk::Bytes(bytes) if bytes.is_empty() => {
                    self.chunks.pop_front();
                    continue;
                }
                Chunk::File(slice) if slice.len == 0 => {
                    self.chunks.pop_front();
                    continue;
                }
                Chunk::Bytes(_) => self.send_bytes(stream),
                Chunk::File(slice) => match send_piece(stream, slice) {
                    Err(Trouble::Cold) => return Ok(Step::Cold(slice.clone())),
                    Err(Trouble::Io(error)) => Err(error),
                    Ok(n) => Ok(n),
                },
            };
            match sent {
                Ok(n) => self.advance(n),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Step::Wait),
                Err(error) => return Err(error),
            }
        }
        Ok(Step::Done)
    }

    fn send_bytes(&self, stream: &TcpStream) -> io::Result<usize> {
        let mut slices = [io::IoSlice::new(&[]); 16];
        let mut count = 0;
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            let Chunk::Bytes(bytes) = chunk else { break };
            *slice = io::IoSlice::new(bytes);
            count += 1;
        }
        stream.try_write_vectored(&slices[..count])
    }

    fn advance(&mut self, mut sent: usize) {
        while sent > 0 {
            let Some(chunk) = self.chunks.front_mut() else { return };
            let (len, taken) = match chunk {
                Chunk::Bytes(bytes) => {
                    let taken = sent.min(bytes.len());
                    bytes.advance(taken);
                    (bytes.len(), taken)
                }
                Chunk::File(slice) => {
                    let taken = sent.min(slice.len);
                    slice.position += taken as u64;
                    slice.len -= taken;
                    (slice.len, taken)
                }
            };
            sent -= taken;
            if len == 0 {
                self.chunks.pop_front();
            }
        }
    }
}

enum Trouble {
    Cold,
    Io(io::Error),
}

fn send_piece(stream: &TcpStream, slice: &FileSlice) -> Result<usize, Trouble> {
    PIECE.with_borrow_mut(|piece| {
        piece.resize(PIECE_BYTES, 0);
        let want = slice.len.min(PIECE_BYTES);
        let read = match slice.file.read_hot_at(&mut piece[..want], slice.position) {
            Ok(0) => return Err(Trouble::Io(io::ErrorKind::UnexpectedEof.into())),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(Trouble::Cold),
            Err(error) => return Err(Trouble::Io(error)),
        };
        stream.try_write(&piece[..read]).map_err(Trouble::Io)
    })
}

/// Bring a piece into memory on a thread that may block.
async fn warm(slice: FileSlice) -> io::Result<()> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut piece = vec![0; slice.len.min(PIECE_BYTES)];
        slice.file.read_at(&mut piece, slice.position).map(drop)
    });
    reading.await.map_err(io::Error::other)?
}
