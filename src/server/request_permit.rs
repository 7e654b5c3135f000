//! [`RequestMemory`] behind a lock, with the connections that wait for it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::server::frame_ledger::FrameId;
use crate::server::request_memory::RequestMemory;
use crate::sync::Mutex;

/// The memory that all connections share (`queued.max.request.bytes`).
#[derive(Debug)]
pub struct SharedRequestMemory {
    frames: Mutex<RequestMemory<Arc<Notify>>>,
    is_scarce: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl SharedRequestMemory {
    /// Returns a budget with nothing held.
    pub fn new(budget: usize, clock: Arc<dyn Clock>) -> SharedRequestMemory {
        let frames = Mutex::new(RequestMemory::new(budget));
        SharedRequestMemory { frames, is_scarce: AtomicBool::new(false), clock }
    }

    /// Returns the time that decides which frames are slow, in ms.
    pub fn now_ms(&self) -> i64 {
        self.clock.now().mono_ms
    }

    fn lock(&self) -> MutexGuard<'_, RequestMemory<Arc<Notify>>> {
        self.frames.lock()
    }

    /// Changes the frames and wakes the connections that `change` returns.
    fn with<T>(
        &self,
        change: impl FnOnce(&mut RequestMemory<Arc<Notify>>, i64) -> (T, Vec<Arc<Notify>>),
    ) -> T {
        let (result, woken) = {
            let mut frames = self.lock();
            let changed = change(&mut frames, self.now_ms());
            self.is_scarce.store(frames.is_scarce(), Ordering::Relaxed);
            changed
        };
        woken.iter().for_each(|connection| connection.notify_one());
        result
    }
}

/// The memory of one connection, given back on drop.
#[derive(Debug)]
pub struct RequestMemoryPermit {
    memory: Arc<SharedRequestMemory>,
    address: IpAddr,
    wake: Arc<Notify>,
    frame: Option<FrameId>,
    bytes: usize,
}

impl RequestMemoryPermit {
    /// Returns a permit for a connection from this address. It holds nothing.
    pub fn new(memory: Arc<SharedRequestMemory>, address: IpAddr) -> RequestMemoryPermit {
        let address = address.to_canonical();
        RequestMemoryPermit { memory, address, wake: Arc::default(), frame: None, bytes: 0 }
    }

    /// Returns how many bytes are held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns true if more than a quarter of the memory is taken.
    pub fn is_scarce(&self) -> bool {
        self.memory.is_scarce.load(Ordering::Relaxed)
    }

    /// Gives everything back.
    pub fn release(&mut self) {
        if let Some(id) = self.frame.take() {
            self.memory.with(|frames, now_ms| ((), frames.close(id, now_ms)));
            self.bytes = 0;
        }
    }

    /// Takes `bytes` in all if they are free. Returns false if they are not.
    pub fn take_if_free(&mut self, bytes: usize) -> bool {
        let (id, wake, address) = (self.frame, &self.wake, self.address);
        let taken = self.memory.with(|frames, now_ms| {
            let id = id.unwrap_or_else(|| frames.open(address, wake.clone(), now_ms));
            if frames.take_if_free(id, bytes) {
                return (Some(id), Vec::new());
            }
            (None, frames.close(id, now_ms))
        });
        self.frame = taken;
        self.bytes = if taken.is_some() { bytes } else { 0 };
        taken.is_some()
    }

    /// Counts bytes that have been read already.
    pub fn take_anyway(&mut self, bytes: usize) {
        let (id, wake, address) = (self.frame, &self.wake, self.address);
        self.frame = Some(self.memory.with(|frames, now_ms| {
            let id = id.unwrap_or_else(|| frames.open(address, wake.clone(), now_ms));
            frames.take_anyway(id, bytes);
            (id, Vec::new())
        }));
        self.bytes = bytes;
    }

    /// Returns the time that decides which frames are slow, in ms.
    pub fn now_ms(&self) -> i64 {
        self.memory.now_ms()
    }

    /// Waits until `bytes` in all of a frame of `size` are held. Returns how long it waited, in ms,
    /// or `None` if the connection is evicted.
    pub async fn take(&mut self, size: usize, bytes: usize) -> Option<i64> {
        let (id, wake, address) = (self.frame, &self.wake, self.address);
        let (id, is_held) = self.memory.with(|frames, now_ms| {
            let id = id.unwrap_or_else(|| frames.open(address, wake.clone(), now_ms));
            let (is_held, woken) = frames.ask(id, size, bytes, now_ms);
            ((id, is_held), woken)
        });
        self.frame = Some(id);
        self.bytes = bytes;
        if is_held { Some(0) } else { self.wait(id).await }
    }

    async fn wait(&self, id: FrameId) -> Option<i64> {
        let began_ms = self.now_ms();
        loop {
            let again_ms = self.memory.with(|frames, now_ms| {
                if !frames.is_queued(id) {
                    return (Err(frames.must_give_way(id)), Vec::new());
                }
                let (woken, again_ms) = frames.make_room(id, now_ms);
                (Ok(again_ms - now_ms), woken)
            });
            let again_ms = match again_ms {
                Ok(again_ms) => again_ms,
                Err(must_give_way) => return (!must_give_way).then(|| self.now_ms() - began_ms),
            };
            let again = Duration::from_millis(again_ms.max(1) as u64);
            let _ = tokio::time::timeout(again, self.wake.notified()).await;
        }
    }

    /// Records that the client has sent bytes, and whether they filled all the room there was.
    /// Returns false if the connection is evicted.
    pub fn arrived(&self, bytes: usize, is_full: bool) -> bool {
        self.frame.is_none_or(|id| {
            self.memory
                .with(|frames, now_ms| (frames.arrived(id, bytes, is_full, now_ms), Vec::new()))
        })
    }

    /// Records that the frame is complete and being processed.
    pub fn answer(&self) {
        if let Some(id) = self.frame {
            self.memory.with(|frames, now_ms| ((), frames.answer(id, now_ms)));
        }
    }

    /// Records that the frame waits for something that its client chose to wait for.
    pub fn park(&self) {
        if let Some(id) = self.frame {
            self.memory.with(|frames, now_ms| {
                frames.park(id, now_ms);
                ((), Vec::new())
            });
        }
    }

    /// Waits until the connection is evicted.
    pub async fn must_give_way(&self) {
        let Some(id) = self.frame else { return std::future::pending().await };
        while !self.memory.lock().must_give_way(id) {
            self.wake.notified().await;
        }
    }
}

impl Drop for RequestMemoryPermit {
    fn drop(&mut self) {
        self.release();
    }
}
