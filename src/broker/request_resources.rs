//! What all requests share and may have to wait for: memory, and turns for work that takes much of
//! it or takes long.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::broker::memory_budget::{self, MemoryBudget};
use crate::config::resolve::BrokerConfig;

/// How many long responses the coordinator prepares at a time.
const LONG_LISTINGS: usize = 2;

/// The memory and the turns.
#[derive(Debug)]
pub struct RequestResources {
    /// Memory for decoded requests (`queued.max.decoded.bytes`).
    pub decoded_bytes: Arc<MemoryBudget>,
    /// Memory for responses (`queued.max.response.bytes`).
    pub response_bytes: Arc<MemoryBudget>,
    large_requests: Arc<Semaphore>,
    long_listings: Semaphore,
    computations: Semaphore,
}

impl RequestResources {
    /// Returns the resources as configured.
    pub fn new(config: &BrokerConfig) -> RequestResources {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        RequestResources {
            decoded_bytes: Arc::new(memory_budget::for_requests(config)),
            response_bytes: Arc::new(memory_budget::for_responses(config)),
            large_requests: Arc::new(Semaphore::new(1)),
            long_listings: Semaphore::new(LONG_LISTINGS),
            computations: Semaphore::new(processors),
        }
    }

    /// Waits for the turn of a large request: one is executed at a time. Returns `None` if the wait
    /// takes longer than `patience`.
    pub async fn large_request_turn(&self, patience: Duration) -> Option<OwnedSemaphorePermit> {
        let turn = self.large_requests.clone().acquire_owned();
        tokio::time::timeout(patience, turn).await.ok()?.ok()
    }

    /// Waits for the turn of a long coordinator request: all groups, or all offsets. Returns `None`
    /// if the wait takes longer than `patience`.
    pub async fn long_listing_turn(&self, patience: Duration) -> Option<SemaphorePermit<'_>> {
        tokio::time::timeout(patience, self.long_listings.acquire()).await.ok()?.ok()
    }

    /// Waits for the turn of what takes a thread for a while: a batch to be recompressed, a pattern
    /// to be compiled. There is one per processor, which bounds the memory as well.
    pub async fn computation_turn(&self) -> Option<SemaphorePermit<'_>> {
        self.computations.acquire().await.ok()
    }
}
