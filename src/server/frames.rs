//! Length-prefixed frames off a socket.
//!
//! **Invariant:** a frame's length is checked against its limit before memory is grown for it,
//! and what it takes beyond a small buffer is taken from the broker's budget
//! (`queued.max.request.bytes`). A frame larger than the whole budget waits until it is alone.
//!
//! A client that holds a part of the budget must go on sending while others wait for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// What a connection may hold without asking the budget.
const FREE_BYTES: usize = 16 * 1024;
/// What one read may bring of small frames, once the connection is busy.
const BUSY_BYTES: usize = 128 * 1024;
/// Who holds a part of the budget must send this much in [`WINDOW`] while others wait.
const WINDOW_BYTES: usize = 64 * 1024;
const WINDOW: Duration = Duration::from_secs(2);

/// Frames off one socket.
#[derive(Debug)]
pub struct Frames {
    buffer: BytesMut,
    limit: usize,
    budget: Arc<Semaphore>,
    budget_bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
    /// While a part of the budget is held for a frame that is not whole yet.
    pace: Option<Pace>,
    wanted: usize,
}

impl Frames {
    /// No bytes yet. `limit` is `socket.request.max.bytes`.
    pub fn new(limit: usize, budget: Arc<Semaphore>, budget_bytes: usize) -> Frames {
        Frames {
            buffer: BytesMut::new(),
            limit,
            budget,
            budget_bytes,
            permit: None,
            pace: None,
            wanted: FREE_BYTES,
        }
    }

    /// The next whole frame without its length, if it is here.
    pub fn take(&mut self) -> io::Result<Option<Bytes>> {
        let Some(len) = self.frame_bytes()? else { return Ok(None) };
        if self.buffer.len() < 4 + len {
            return Ok(None);
        }
        self.pace = None;
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

    /// Nothing is read for a while: hold what has come and not a byte more. No part of the budget
    /// stays taken, as others would wait for it for as long; so what a connection may hold then,
    /// beyond [`FREE_BYTES`], is what one read has brought of requests yet to be answered.
    pub fn rest(&mut self) {
        self.buffer = BytesMut::from(&self.buffer[..]);
        self.permit = None;
        self.pace = None;
        self.wanted = FREE_BYTES;
    }

    /// Read more; false at the end of the stream.
    pub async fn fill(&mut self, stream: &TcpStream) -> io::Result<bool> {
        loop {
            if self.buffer.is_empty() {
                // An idle connection holds nothing. What is readable by its last state may turn
                // out to be nothing, and then it is idle again.
                self.buffer = BytesMut::new();
                self.permit = None;
                self.pace = None;
                stream.readable().await?;
            }
            let frame = self.frame_bytes()?.map_or(0, |len| 4 + len);
            self.reserve(frame.saturating_sub(self.buffer.len())).await;
            if self.permit.is_some() && !self.buffer.is_empty() {
                self.readable_in_time(stream).await?;
            } else {
                stream.readable().await?;
            }
            match stream.try_read_buf(&mut self.buffer) {
                Ok(0) => return Ok(false),
                Ok(n) => {
                    if let Some(pace) = &mut self.pace {
                        pace.bytes += n;
                    }
                    // A full buffer says that more is waiting: the next read may bring more.
                    let full = self.buffer.capacity() == self.buffer.len();
                    self.wanted = if full { BUSY_BYTES } else { self.wanted };
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Make room for `missing` bytes of a frame, or for as much as is worth a read.
    async fn reserve(&mut self, missing: usize) {
        let need = self.buffer.len() + missing;
        let room = self.wanted.max(need);
        if room > FREE_BYTES {
            let ask = |n: usize| n.min(self.budget_bytes) as u32;
            let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            if held < ask(need) as usize && need > FREE_BYTES {
                // Given back first: nobody may hold a part and wait for more.
                self.permit = None;
                let all = self.budget.clone().acquire_many_owned(ask(room));
                self.permit = all.await.ok();
            } else if held == 0 {
                self.permit = self.budget.clone().try_acquire_many_owned(ask(room)).ok();
            }
        }
        let room = if self.permit.is_some() { room } else { FREE_BYTES };
        // Grown as bytes come, not by what the length claims: doubling, up to the frame.
        let step = (2 * self.buffer.len()).max(BUSY_BYTES).min(room);
        let spare = step.saturating_sub(self.buffer.len()).max(1);
        self.buffer.reserve(spare);
    }

    /// Wait for more of a frame that holds a part of the budget, but not for long while others
    /// wait for it.
    async fn readable_in_time(&mut self, stream: &TcpStream) -> io::Result<()> {
        loop {
            let pace = self.pace.get_or_insert_with(Pace::begin);
            tokio::select! {
                biased;
                () = pace.window.as_mut() => {
                    let is_slow = pace.bytes < WINDOW_BYTES;
                    let others_wait = self.budget.available_permits() <= WINDOW_BYTES;
                    if is_slow && others_wait {
                        let why = "too little of a large request, while others wait for memory";
                        return Err(io::Error::new(io::ErrorKind::TimedOut, why));
                    }
                    self.pace = None;
                }
                outcome = stream.readable() => return outcome,
            }
        }
    }
}

/// What a connection has sent in the window that is running.
#[derive(Debug)]
struct Pace {
    window: Pin<Box<Sleep>>,
    bytes: usize,
}

impl Pace {
    fn begin() -> Pace {
        Pace { window: Box::pin(tokio::time::sleep(WINDOW)), bytes: 0 }
    }
}
